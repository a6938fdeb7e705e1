//! What a request to AWS needs to be allowed, read off the request as it goes over the wire. Source: AWS
//! Service Authorization Reference; for transactions the DynamoDB developer guide, "IAM with transactions".

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri};
use serde_json::Value;

/// The name of every table's partition key.
const PARTITION_KEY: &str = "pk";

/// Who signed a request, and for which service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) key: String,
    pub(super) service: String,
}

/// One permission that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) leading_keys: BTreeSet<String>,
}

impl Need {
    fn of(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), leading_keys: BTreeSet::new() }
    }

    fn with(self, leading_keys: BTreeSet<String>) -> Self {
        Self { leading_keys, ..self }
    }
}

/// Reads `Credential=KEY/DATE/REGION/SERVICE/aws4_request` of a signature.
pub(super) fn caller(headers: &HeaderMap) -> Option<Caller> {
    let (_, credential) = headers.get("authorization")?.to_str().ok()?.split_once("Credential=")?;
    let mut parts = credential.split(',').next()?.trim().split('/');
    let (key, service) = (parts.next()?.to_owned(), parts.nth(2)?.to_owned());
    Some(Caller { key, service })
}

/// Everything that IAM looks at before the request is answered. What cannot be read is a need that no policy
/// grants.
pub(super) fn needs(
    service: &str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Vec<Need> {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .and_then(|target| target.rsplit_once('.'));
    let found = match (service, target) {
        ("dynamodb", Some((_, operation))) => json(body).and_then(|body| dynamodb(operation, &body)),
        (_, Some((_, operation))) => json(body).map(|body| by_name(prefix(service), operation, &body)),
        ("scheduler", None) => scheduler(method, uri.path(), uri, body),
        ("lambda", None) => lambda(method, uri.path()),
        (_, None) => query(service, uri, body),
    };
    found.unwrap_or_else(|| {
        let asked =
            target.map_or_else(|| format!("{method} {}", uri.path()), |(_, operation)| operation.to_owned());
        vec![Need::of(format!("{}:? {asked}", prefix(service)), "*")]
    })
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// Some services sign by another name than IAM knows them.
fn prefix(service: &str) -> &str {
    match service {
        "monitoring" => "cloudwatch",
        other => other,
    }
}

/// The parts of a transaction are asked for one by one, those of a batch under the batch's own name.
fn dynamodb(operation: &str, body: &Value) -> Option<Vec<Need>> {
    let text = |value: &Value, field: &str| value[field].as_str().map(str::to_owned);
    Some(match operation {
        "TransactWriteItems" | "TransactGetItems" => {
            let items = body["TransactItems"]
                .as_array()?
                .iter()
                .flat_map(|item| item.as_object().into_iter().flatten());
            let need = |(kind, item): (&String, &Value)| {
                let action = if kind == "ConditionCheck" {
                    "dynamodb:ConditionCheckItem".to_owned()
                } else {
                    format!("dynamodb:{kind}Item")
                };
                Some(Need::of(action, text(item, "TableName")?).with(key_of(item)?))
            };
            items.map(need).collect::<Option<_>>()?
        }
        "BatchGetItem" => {
            let keys = |request: &Value| -> Option<BTreeSet<String>> {
                request["Keys"].as_array()?.iter().map(partition).collect()
            };
            let tables = body["RequestItems"].as_object()?.iter();
            tables
                .map(|(table, request)| Some(Need::of("dynamodb:BatchGetItem", table).with(keys(request)?)))
                .collect::<Option<_>>()?
        }
        "BatchWriteItem" => {
            let key = |request: &Value| {
                partition(
                    request.pointer("/PutRequest/Item").or_else(|| request.pointer("/DeleteRequest/Key"))?,
                )
            };
            let keys = |requests: &Value| -> Option<BTreeSet<String>> {
                requests.as_array()?.iter().map(key).collect()
            };
            let tables = body["RequestItems"].as_object()?.iter();
            tables
                .map(|(table, requests)| {
                    Some(Need::of("dynamodb:BatchWriteItem", table).with(keys(requests)?))
                })
                .collect::<Option<_>>()?
        }
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" => {
            vec![Need::of(format!("dynamodb:{operation}"), text(body, "TableName")?).with(key_of(body)?)]
        }
        "Query" => vec![Need::of("dynamodb:Query", text(body, "TableName")?).with(queried(body)?)],
        other => vec![Need::of(
            format!("dynamodb:{other}"),
            text(body, "TableName").unwrap_or_else(|| "*".to_owned()),
        )],
    })
}

fn key_of(item: &Value) -> Option<BTreeSet<String>> {
    partition(item.get("Key").or_else(|| item.get("Item"))?).map(|key| BTreeSet::from([key]))
}

fn partition(item: &Value) -> Option<String> {
    item[PARTITION_KEY]["S"].as_str().map(str::to_owned)
}

/// The partition key that a query's condition fixes.
fn queried(body: &Value) -> Option<BTreeSet<String>> {
    let named = |name: &str| body["ExpressionAttributeNames"][name].as_str() == Some(PARTITION_KEY);
    let condition = body["KeyConditionExpression"].as_str()?;
    let equals = condition
        .split(" AND ")
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()));
    let mut keys = equals
        .filter(|(name, _)| *name == PARTITION_KEY || named(name))
        .map(|(_, value)| body["ExpressionAttributeValues"][value]["S"].as_str());
    keys.next().flatten().map(|key| BTreeSet::from([key.to_owned()]))
}

/// Services that name what they act on in a field of the request.
fn by_name(service: &str, operation: &str, body: &Value) -> Vec<Need> {
    let action = format!("{service}:{operation}");
    if let Some(names) = body["Names"].as_array() {
        return names.iter().filter_map(Value::as_str).map(|name| Need::of(action.clone(), name)).collect();
    }
    let fields = ["Name", "Path", "SecretId", "TopicArn", "QueueUrl", "logGroupName"];
    let resource = fields.iter().find_map(|field| body[*field].as_str()).unwrap_or("*");
    vec![Need::of(action, resource)]
}

fn scheduler(method: &Method, path: &str, uri: &Uri, body: &[u8]) -> Option<Vec<Need>> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let operation = match (method.as_str(), parts.as_slice()) {
        ("GET", ["schedules"]) => return Some(vec![Need::of("scheduler:ListSchedules", "*")]),
        ("GET", ["schedules", _]) => "GetSchedule",
        ("POST", ["schedules", _]) => "CreateSchedule",
        ("PUT", ["schedules", _]) => "UpdateSchedule",
        ("DELETE", ["schedules", _]) => "DeleteSchedule",
        _ => return None,
    };
    let body = if matches!(*method, Method::POST | Method::PUT) { json(body)? } else { Value::Null };
    let asked = fields(uri.clone());
    let group = body["GroupName"]
        .as_str()
        .or_else(|| asked.get("groupName").map(String::as_str))
        .unwrap_or("default");
    let schedule = Need::of(format!("scheduler:{operation}"), format!("{group}/{}", parts.get(1)?));
    // Who gives the scheduler a role must be allowed to.
    let role = body["Target"]["RoleArn"].as_str().map(|role| Need::of("iam:PassRole", role));
    Some([schedule].into_iter().chain(role).collect())
}

fn lambda(method: &Method, path: &str) -> Option<Vec<Need>> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["2015-03-31", "functions", function, "invocations"]) => {
            Some(vec![Need::of("lambda:InvokeFunction", function_name(function))])
        }
        _ => None,
    }
}

/// The name in a name or an ARN, with or without qualifier.
fn function_name(asked: &str) -> String {
    let asked = asked.replace("%3A", ":");
    let name = asked.rsplit_once(":function:").map_or(asked.as_str(), |(_, name)| name);
    name.split(':').next().unwrap_or(name).to_owned()
}

/// The older protocol, whose requests are forms; and the newest, whose path names the operation.
fn query(service: &str, uri: &Uri, body: &[u8]) -> Option<Vec<Need>> {
    let service = prefix(service);
    if let Some((_, operation)) = uri.path().rsplit_once("/operation/") {
        return Some(vec![Need::of(format!("{service}:{operation}"), "*")]);
    }
    let form = fields(format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?);
    let named = ["TopicArn", "QueueUrl", "StackName"].iter().find_map(|field| form.get(*field));
    Some(vec![Need::of(format!("{service}:{}", form.get("Action")?), named.map_or("*", String::as_str))])
}

fn fields(uri: Uri) -> BTreeMap<String, String> {
    Query::try_from_uri(&uri).map(|Query(fields)| fields).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn needed(
        service: &str,
        request: (&str, &str),
        target: &str,
        body: &str,
    ) -> Vec<(String, String, String)> {
        let target = (!target.is_empty()).then(|| ("x-amz-target".parse().unwrap(), target.parse().unwrap()));
        let found = needs(
            service,
            &request.0.parse().unwrap(),
            &request.1.parse().unwrap(),
            &HeaderMap::from_iter(target),
            body.as_bytes(),
        );
        found
            .into_iter()
            .map(|need| (need.action, need.resource, Vec::from_iter(need.leading_keys).join(" ")))
            .collect()
    }

    fn of_table(operation: &str, body: &Value) -> Vec<(String, String, String)> {
        needed("dynamodb", ("POST", "/"), &format!("DynamoDB_20120810.{operation}"), &body.to_string())
    }

    fn triples(expected: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        expected
            .iter()
            .map(|(action, resource, keys)| {
                ((*action).to_owned(), (*resource).to_owned(), (*keys).to_owned())
            })
            .collect()
    }

    #[test]
    fn who_signed_is_the_access_keys_id() {
        let signed = |value: &str| {
            caller(&HeaderMap::from_iter([("authorization".parse().unwrap(), value.parse().unwrap())]))
        };
        let caller = signed(
            "AWS4-HMAC-SHA256 Credential=edge-guard-tt-ira/20250903/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        );
        assert_eq!(caller, Some(Caller { key: "edge-guard-tt-ira".into(), service: "dynamodb".into() }));
        assert_eq!(signed("AWS4 made up"), None);
    }

    #[test]
    fn table_permissions_are_per_item_and_per_transaction_part() {
        let key = |pk: &str| json!({ "pk": { "S": pk }, "sk": { "S": "x" } });
        let one = json!({ "TableName": "t", "Key": key("schwab#2025-09-03") });
        assert_eq!(of_table("GetItem", &one), triples(&[("dynamodb:GetItem", "t", "schwab#2025-09-03")]));
        assert_eq!(
            of_table("PutItem", &json!({ "TableName": "t", "Item": key("a#1") })),
            triples(&[("dynamodb:PutItem", "t", "a#1")])
        );
        let parts = json!({ "TransactItems": [
            { "Put": { "TableName": "t", "Item": key("a#1") } }, { "Update": { "TableName": "t", "Key": key("a#2") } },
            { "Delete": { "TableName": "t", "Key": key("a#3") } }, { "ConditionCheck": { "TableName": "t", "Key": key("a#4") } },
        ] });
        let expected = [
            ("dynamodb:PutItem", "t", "a#1"),
            ("dynamodb:UpdateItem", "t", "a#2"),
            ("dynamodb:DeleteItem", "t", "a#3"),
            ("dynamodb:ConditionCheckItem", "t", "a#4"),
        ];
        assert_eq!(of_table("TransactWriteItems", &parts), triples(&expected));
        let reads = json!({ "TransactItems": [{ "Get": { "TableName": "t", "Key": key("a#1") } }] });
        assert_eq!(of_table("TransactGetItems", &reads), triples(&[("dynamodb:GetItem", "t", "a#1")]));
        let batch = json!({ "RequestItems": { "t": { "Keys": [key("a#1"), key("control#a")] } } });
        assert_eq!(
            of_table("BatchGetItem", &batch),
            triples(&[("dynamodb:BatchGetItem", "t", "a#1 control#a")])
        );
        let query = json!({
            "TableName": "t", "KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :prefix)",
            "ExpressionAttributeNames": { "#pk": "pk", "#sk": "sk" }, "ExpressionAttributeValues": { ":pk": { "S": "a#1" }, ":prefix": { "S": "run#" } },
        });
        assert_eq!(of_table("Query", &query), triples(&[("dynamodb:Query", "t", "a#1")]));
        assert_eq!(of_table("Scan", &json!({ "TableName": "t" })), triples(&[("dynamodb:Scan", "t", "")]));
        assert_eq!(
            of_table("Query", &json!({ "TableName": "t" })),
            triples(&[("dynamodb:? Query", "*", "")]),
            "no key: nobody may"
        );
    }

    #[test]
    fn every_protocol_says_what_it_acts_on() {
        let json = |service: &str, target: &str, body: &str| needed(service, ("POST", "/"), target, body);
        assert_eq!(
            json("ssm", "AmazonSSM.PutParameter", r#"{"Name":"/gamma/x"}"#),
            triples(&[("ssm:PutParameter", "/gamma/x", "")])
        );
        let secret =
            json("secretsmanager", "secretsmanager.GetSecretValue", r#"{"SecretId":"gamma/schwab"}"#);
        assert_eq!(secret, triples(&[("secretsmanager:GetSecretValue", "gamma/schwab", "")]));
        let publish = needed(
            "sns",
            ("POST", "/"),
            "",
            "Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Aalarms&Message=a+b",
        );
        assert_eq!(publish, triples(&[("sns:Publish", "arn:aws:sns:us-east-1:123456789012:alarms", "")]));
        let invoke = needed(
            "lambda",
            (
                "POST",
                "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Asheets-log/invocations",
            ),
            "",
            "",
        );
        assert_eq!(invoke, triples(&[("lambda:InvokeFunction", "sheets-log", "")]));
        let update = needed(
            "scheduler",
            ("PUT", "/schedules/gamma-cs-schwab"),
            "",
            r#"{"GroupName":"gamma-cs","Target":{"RoleArn":"arn:r"}}"#,
        );
        assert_eq!(
            update,
            triples(&[
                ("scheduler:UpdateSchedule", "gamma-cs/gamma-cs-schwab", ""),
                ("iam:PassRole", "arn:r", "")
            ])
        );
        let read = needed("scheduler", ("GET", "/schedules/gamma-cs-schwab?groupName=gamma-cs"), "", "");
        assert_eq!(read, triples(&[("scheduler:GetSchedule", "gamma-cs/gamma-cs-schwab", "")]));
        let metric = needed(
            "monitoring",
            ("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"),
            "",
            "",
        );
        assert_eq!(metric, triples(&[("cloudwatch:PutMetricData", "*", "")]));
        assert_eq!(
            needed("s3", ("GET", "/bucket/key"), "", ""),
            triples(&[("s3:? GET /bucket/key", "*", "")])
        );
    }
}
