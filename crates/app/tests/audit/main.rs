//! The audit log as evidence: a real catalog, rows recorded as use cases do, and what the owner of the database may do to them.

#[cfg(test)]
mod order;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tamper;
