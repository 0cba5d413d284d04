//! How long a call may take.

use super::status;
use axum::http::HeaderMap;
use provender_core::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;
use tonic::{Code, Status};

/// When the answer is of no use any more, and who says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    limit: Duration,
    is_clients: bool,
}

impl Deadline {
    /// The client's, from the header `grpc-timeout`, if it is before the server's.
    pub(super) fn of(headers: &HeaderMap, servers: Duration) -> Result<Self, Status> {
        let clients = match headers.get("grpc-timeout") {
            None => None,
            Some(value) => Some(value.to_str().ok().and_then(parse).ok_or_else(|| {
                Status::invalid_argument(
                    "not a deadline (field: grpc-timeout, expected: up to 8 digits and a unit of HMSmun)",
                )
            })?),
        };
        let limit = clients.unwrap_or(servers).min(servers);
        Ok(Self {
            at: Instant::now() + limit,
            limit,
            is_clients: clients.is_some_and(|clients| clients <= servers),
        })
    }

    /// Waits for work until the deadline. Work that fails for want of time has failed by the deadline, whoever noticed first.
    pub(super) async fn hold<T>(
        self,
        work: Pin<&mut impl Future<Output = Result<T, Status>>>,
    ) -> Result<T, Status> {
        match timeout_at(self.at.into(), work).await {
            Ok(Err(status))
                if status.code() == Code::Unavailable && self.is_clients && Instant::now() >= self.at =>
            {
                Err(self.passed())
            }
            Ok(outcome) => outcome,
            Err(_) => Err(self.passed()),
        }
    }

    fn passed(self) -> Status {
        if self.is_clients {
            return Status::deadline_exceeded("the deadline of the call has passed");
        }
        let error = Error::unavailable("the server did not answer in time")
            .with("limit", format!("{:?}", self.limit));
        status::of(error.into())
    }
}

/// Digits and a unit, as `100m`.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_digits_and_a_unit() {
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(parse("1500u"), Some(Duration::from_micros(1_500)));
        for text in ["", "S", "2", "2s", "-2S", "+2S", "100000000n", "1.5S", "2é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn earlier_deadline_counts() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            Deadline::of(&headers, Duration::from_secs(30)).unwrap()
        };
        assert!(of("1S").is_clients && of("1S").limit == Duration::from_secs(1));
        assert!(!of("1H").is_clients && of("1H").limit == Duration::from_secs(30));
    }
}
