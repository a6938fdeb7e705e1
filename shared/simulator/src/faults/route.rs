//! Kinds of requests.

use axum::http::{HeaderMap, Method};

use crate::requests::Service;

/// A kind of request, or, in a rule, all requests of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `POST …/orders`.
    PlaceOrder,
    /// `DELETE …/orders/{id}`.
    CancelOrder,
    /// `PUT …/orders/{id}`.
    ReplaceOrder,
    /// `GET …/orders/{id}`.
    ReadOrder,
    /// `GET …/orders`.
    ListOrders,
    /// `GET /accounts` and `GET /accounts/{hash}`.
    Account,
    /// `GET /accounts/accountNumbers`.
    AccountNumbers,
    /// Quotes of some symbols.
    Quotes,
    /// An option chain.
    Chain,
    /// The token endpoint.
    Token,
    /// `POST …/previewOrder`.
    Preview,
    /// `GET …/transactions` and one of them.
    Transactions,
    /// The feed's login.
    SignalLogin,
    /// The feed's rows.
    Signal,
    /// An operation of AWS such as `DynamoDB.PutItem`; in a rule also a service's name alone, for all its operations.
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
    pub(crate) fn of(service: Service, method: &Method, path: &str, headers: &HeaderMap) -> Self {
        match service {
            Service::Schwab => of_schwab(method, path),
            Service::GammaWizard if path.starts_with("/goauth/") => Self::SignalLogin,
            Service::GammaWizard if path.starts_with("/rapi/") => Self::Signal,
            Service::GammaWizard => Self::Other(service),
            Service::Aws => aws_operation(headers).map_or(Self::Other(service), Self::Aws),
        }
    }

    /// Whose request it is.
    #[must_use]
    pub const fn service(&self) -> Service {
        match self {
            Self::SignalLogin | Self::Signal => Service::GammaWizard,
            Self::Aws(_) => Service::Aws,
            Self::Other(service) | Self::AnyOf(service) => *service,
            _ => Service::Schwab,
        }
    }

    /// Whether `request`, a kind of request, is meant by this route of a rule.
    pub(crate) fn holds(&self, request: &Self) -> bool {
        match (self, request) {
            (Self::AnyOf(service), request) => *service == request.service(),
            (Self::Aws(wanted), Self::Aws(operation)) => wanted == operation || operation.split('.').next() == Some(wanted.as_str()),
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
            assert!(Route::aws(name.split('.').next().unwrap()).holds(&route) && Route::AnyOf(Service::Aws).holds(&route));
            assert!(!Route::aws("SS").holds(&route) && !Route::AnyOf(Service::Schwab).holds(&route));
        }
        assert_eq!(Route::of(Service::Aws, &Method::GET, "/x", &HeaderMap::new()), Route::Other(Service::Aws));
    }
}
