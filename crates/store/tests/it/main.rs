//! The store through its front door: one suite for every backend and decorator, and what each adds to it.

#[cfg(test)]
mod backends;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod local;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod probing;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod suite;
