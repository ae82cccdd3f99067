//! Identity against a real catalog, as the role that the service logs in as.

#[cfg(test)]
mod factor;
#[cfg(test)]
mod login;
#[cfg(test)]
mod session;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod users;
