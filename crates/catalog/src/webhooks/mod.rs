//! Webhooks: where organisations want to be told, and what became of each delivery.

mod deliveries;
mod endpoints;

pub use deliveries::{
    Attempt, Claimed, Delivery, NewDelivery, Sent, add, claim, finish, get_delivery, list_deliveries,
};
pub use endpoints::{
    Because, Endpoint, Keys, Listening, count, create, delete, disable, get, hold, list, listening, replace, rotate,
};
