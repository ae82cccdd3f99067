//! The catalog against a real PostgreSQL, as the roles that the service logs in as.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod context;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod support;
