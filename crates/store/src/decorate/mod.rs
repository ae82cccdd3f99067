//! Stores around stores, one behaviour a file. Each passes everything else on unchanged.

pub mod fault;
pub mod limit;
pub mod lying;
pub mod metrics;
pub mod prefix;
pub mod retry;
