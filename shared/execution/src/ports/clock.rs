use async_trait::async_trait;
use jiff::Timestamp;

/// The only source of time. Deadlines, leases, token and order times use it; socket timeouts and request
/// signing do not.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits until `at`; returns at once when that has passed.
    async fn sleep_until(&self, at: Timestamp);
}
