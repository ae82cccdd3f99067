//! What tests, the demo and benchmarks stand on: private PostgreSQL clusters made from a template, the installed tools,
//! real S3 and mail servers, and a sample wedding-planner application with a generator of realistic data.
//!
//! Nothing here pretends: the servers are real, and a missing tool is an error that says how to install it, never a
//! reason to skip.

pub mod draw;
pub mod photos;
pub mod planner;
pub mod postgres;
pub mod s3;
pub mod schemas;
pub mod smtp;
pub mod tools;
