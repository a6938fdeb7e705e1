//! Kinds of requests.

use axum::http::{HeaderMap, Method};

use crate::requests::Service;

/// A kind of request, or, in a rule, all requests of a service. Both brokers have the same kinds; a rule that
/// is meant for one of them says so with [`Rule::at`](super::Rule::at).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST …/orders`.
    PlaceOrder,
    /// `DELETE …/orders/{id}`.
    CancelOrder,
    /// `PUT …/orders/{id}`, at tastytrade `PATCH` too.
    ReplaceOrder,
    /// `GET …/orders/{id}`.
    ReadOrder,
    /// `GET …/orders`, at tastytrade `…/orders/live` too.
    ListOrders,
    /// Schwab's `GET /accounts` and `GET /accounts/{hash}`, tastytrade's balances.
    Account,
    /// Tastytrade's positions; Schwab shows them with the account.
    Positions,
    /// Which accounts a login shows.
    AccountNumbers,
    /// Quotes of some symbols.
    Quotes,
    /// An option chain.
    Chain,
    /// The token endpoint.
    Token,
    /// `POST …/previewOrder`, `POST …/orders/dry-run`.
    Preview,
    /// Tastytrade's token for streaming quotes.
    QuoteToken,
    /// `GET …/transactions` and one of them.
    Transactions,
    /// The feed's login.
    SignalLogin,
    /// The feed's rows.
    Signal,
    /// Google's `POST /token`.
    SheetsToken,
    /// `spreadsheets.get`, `values.get` and `values:batchGet`.
    SheetsRead,
    /// Every request that may change a spreadsheet.
    SheetsWrite,
    /// An operation of AWS such as `DynamoDB.PutItem`; in a rule also a service's name alone, for all its
    /// operations.
    Aws(String),
    /// Whatever has no name here.
    Other(Service),
    /// In a rule: every request of a service.
    AnyOf(Service),
}

impl Route {
    /// An operation of AWS, `DynamoDB.TransactWriteItems`, or all of a service's, `SSM`.
    #[must_use]
    pub fn aws(operation: &str) -> Self {
        Self::Aws(operation.to_owned())
    }

    /// Which kind a request is of.
    pub fn of(service: Service, method: &Method, path: &str, headers: &HeaderMap) -> Self {
        match service {
            Service::Schwab => of_schwab(method, path),
            Service::Tastytrade => of_tastytrade(method, path),
            Service::GammaWizard if path.starts_with("/goauth/") => Self::SignalLogin,
            Service::GammaWizard if path.starts_with("/rapi/") => Self::Signal,
            Service::Google => of_google(method, path),
            Service::GammaWizard | Service::DxLink => Self::Other(service),
            Service::Aws => aws_operation(headers).map_or(Self::Other(service), Self::Aws),
        }
    }

    /// Whether `request`, a kind of request, made of `service`, is meant by this route of a rule.
    pub(crate) fn holds(&self, service: Service, request: &Self) -> bool {
        match (self, request) {
            (Self::AnyOf(wanted), _) => *wanted == service,
            (Self::Aws(wanted), Self::Aws(operation)) => {
                wanted == operation || operation.split('.').next() == Some(wanted.as_str())
            }
            (wanted, request) => wanted == request,
        }
    }
}

fn of_schwab(method: &Method, path: &str) -> Route {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["v1", "oauth", "token"]) => Route::Token,
        ("GET", ["trader", "v1", "accounts", "accountNumbers"]) => Route::AccountNumbers,
        ("GET", ["trader", "v1", "accounts"] | ["trader", "v1", "accounts", _]) => Route::Account,
        ("GET", ["trader", "v1", "orders"] | ["trader", "v1", "accounts", _, "orders"]) => Route::ListOrders,
        ("POST", ["trader", "v1", "accounts", _, "orders"]) => Route::PlaceOrder,
        ("GET", ["trader", "v1", "accounts", _, "orders", _]) => Route::ReadOrder,
        ("PUT", ["trader", "v1", "accounts", _, "orders", _]) => Route::ReplaceOrder,
        ("DELETE", ["trader", "v1", "accounts", _, "orders", _]) => Route::CancelOrder,
        ("POST", ["trader", "v1", "accounts", _, "previewOrder"]) => Route::Preview,
        ("GET", ["trader", "v1", "accounts", _, "transactions", ..]) => Route::Transactions,
        ("GET", ["marketdata", "v1", "quotes"] | ["marketdata", "v1", _, "quotes"]) => Route::Quotes,
        ("GET", ["marketdata", "v1", "chains"]) => Route::Chain,
        _ => Route::Other(Service::Schwab),
    }
}

fn of_tastytrade(method: &Method, path: &str) -> Route {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["oauth", "token"]) => Route::Token,
        ("GET", ["customers", "me", "accounts", ..]) => Route::AccountNumbers,
        ("GET", ["accounts", _, "balances", ..]) => Route::Account,
        ("GET", ["accounts", _, "positions"]) => Route::Positions,
        ("GET", ["accounts", _, "orders"] | ["accounts", _, "orders", "live"]) => Route::ListOrders,
        ("POST", ["accounts", _, "orders"]) => Route::PlaceOrder,
        ("POST", ["accounts", _, "orders", "dry-run"] | ["accounts", _, "orders", _, "dry-run"]) => {
            Route::Preview
        }
        ("GET", ["accounts", _, "orders", _]) => Route::ReadOrder,
        ("PUT" | "PATCH", ["accounts", _, "orders", _]) => Route::ReplaceOrder,
        ("DELETE", ["accounts", _, "orders", _]) => Route::CancelOrder,
        ("GET", ["accounts", _, "transactions", ..]) => Route::Transactions,
        ("GET", ["market-data", ..]) => Route::Quotes,
        ("GET", ["option-chains", ..]) => Route::Chain,
        ("GET", ["api-quote-tokens"]) => Route::QuoteToken,
        _ => Route::Other(Service::Tastytrade),
    }
}

fn of_google(method: &Method, path: &str) -> Route {
    match (method.as_str(), path) {
        ("POST", "/token") => Route::SheetsToken,
        ("GET", path) if path.starts_with("/v4/spreadsheets/") => Route::SheetsRead,
        (_, path) if path.starts_with("/v4/spreadsheets") => Route::SheetsWrite,
        _ => Route::Other(Service::Google),
    }
}

/// `DynamoDB_20120810.PutItem` is `DynamoDB.PutItem`; AWS's JSON protocols name the operation in a header.
pub(crate) fn aws_operation(headers: &HeaderMap) -> Option<String> {
    let (service, operation) = headers.get("x-amz-target")?.to_str().ok()?.split_once('.')?;
    let service = match service.split('_').next()? {
        "AmazonSSM" => "SSM",
        "secretsmanager" => "SecretsManager",
        other => other,
    };
    Some(format!("{service}.{operation}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_aws_are_named_by_service() {
        for (target, name) in [
            ("DynamoDB_20120810.TransactWriteItems", "DynamoDB.TransactWriteItems"),
            ("AmazonSSM.PutParameter", "SSM.PutParameter"),
            ("secretsmanager.GetSecretValue", "SecretsManager.GetSecretValue"),
        ] {
            let headers = HeaderMap::from_iter([("x-amz-target".parse().unwrap(), target.parse().unwrap())]);
            let route = Route::of(Service::Aws, &Method::POST, "/", &headers);
            assert_eq!(route, Route::aws(name));
            let holds = |wanted: &Route| wanted.holds(Service::Aws, &route);
            assert!(
                holds(&Route::aws(name.split('.').next().unwrap())) && holds(&Route::AnyOf(Service::Aws))
            );
            assert!(!holds(&Route::aws("SS")) && !holds(&Route::AnyOf(Service::Schwab)));
        }
        assert_eq!(
            Route::of(Service::Aws, &Method::GET, "/x", &HeaderMap::new()),
            Route::Other(Service::Aws)
        );
    }
}
