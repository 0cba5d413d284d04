//! A small DynamoDB on loopback that answers as it is told: DynamoDB Local cannot be throttled, nor cut off.
//!
//! It looks at no conditions and no projections.

use aws_config::SdkConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provender_core::OnlineStore;
use provender_dynamodb::{Dynamodb, DynamodbConfig};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Such as `BatchGetItem`.
    pub(crate) operation: String,
    pub(crate) body: Value,
    /// How many of this operation came before it.
    pub(crate) before: usize,
    /// Its `Authorization`: whose key, for which region.
    pub(crate) authorization: String,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fate {
    /// It is answered.
    Fine,
    /// It is refused, with this status and code.
    Refused(u16, &'static str),
    /// All but the first item or key are left undone.
    Partly,
    /// Everything is left undone.
    Undone,
    /// The connection is cut in the middle of the answer.
    Cut,
    /// No answer comes.
    Silence,
}

/// Code of a request that was throttled as a whole.
pub(crate) const THROTTLED: Fate = Fate::Refused(400, "ProvisionedThroughputExceededException");

type Script = Box<dyn Fn(&Call) -> Fate + Send + Sync>;

#[derive(Default)]
struct Held {
    /// Items of each table, by name of the entity.
    tables: BTreeMap<String, BTreeMap<String, Value>>,
    /// What `DescribeTable` says next, front first: a status, or `gone`. Without any, what is there is `ACTIVE`.
    statuses: BTreeMap<String, Vec<&'static str>>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
    calls: Vec<Call>,
}

/// The server. It ends with the runtime of the test.
pub(crate) struct Fake {
    url: String,
    held: Arc<Mutex<Held>>,
    script: Arc<Mutex<Script>>,
}

impl Fake {
    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// A server that answers everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let held = Arc::new(Mutex::new(Held::default()));
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(|_| Fate::Fine)));
        let fake = Self { url, held: Arc::clone(&held), script: Arc::clone(&script) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (held, script) = (Arc::clone(&held), Arc::clone(&script));
                tokio::spawn(async move {
                    // A client that goes away ends its connection, no more.
                    let _ = serve(stream, &held, &script).await;
                });
            }
        });
        fake
    }

    /// Decides the fate of requests from now on; they are counted from here.
    pub(crate) fn script(&self, script: impl Fn(&Call) -> Fate + Send + Sync + 'static) {
        self.held().calls.clear();
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// A store here.
    pub(crate) async fn store(&self, settings: impl FnOnce(&mut DynamodbConfig)) -> Arc<dyn OnlineStore> {
        self.store_of(settings, &crate::local::credentials("dummy")).await
    }

    /// A store here with an AWS configuration.
    pub(crate) async fn store_of(
        &self,
        settings: impl FnOnce(&mut DynamodbConfig),
        sdk: &SdkConfig,
    ) -> Arc<dyn OnlineStore> {
        let mut config = crate::local::at(self.url.clone());
        settings(&mut config);
        Dynamodb::open_with(config, sdk).await.unwrap()
    }

    /// Makes a table with items.
    pub(crate) fn put(&self, table: &str, items: impl IntoIterator<Item = Value>) {
        let id = |item: &Value| item["entity_id"]["S"].as_str().unwrap().to_owned();
        let items = items.into_iter().map(|item| (id(&item), item));
        self.held().tables.entry(table.to_owned()).or_default().extend(items);
    }

    /// The items of a table, by name of the entity.
    pub(crate) fn items(&self, table: &str) -> Vec<Value> {
        self.held().tables[table].values().cloned().collect()
    }

    /// What `DescribeTable` says of a table next.
    pub(crate) fn statuses(&self, table: &str, statuses: &[&'static str]) {
        self.held().statuses.insert(table.to_owned(), statuses.to_vec());
    }

    /// The tags of a table.
    pub(crate) fn tags(&self, table: &str) -> BTreeMap<String, String> {
        self.held().tags.get(table).cloned().unwrap_or_default()
    }

    /// The requests of an operation.
    pub(crate) fn calls(&self, operation: &str) -> Vec<Call> {
        self.held().calls.iter().filter(|call| call.operation == operation).cloned().collect()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

/// Answers the requests of one connection.
async fn serve(stream: TcpStream, held: &Mutex<Held>, script: &Mutex<Script>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(Request { operation, body, authorization }) = request(&mut stream).await? {
        let (fate, (status, answer)) = {
            let mut held = held.lock().unwrap();
            let before = held.calls.iter().filter(|call| call.operation == operation).count();
            let call = Call { operation, body, before, authorization };
            held.calls.push(call.clone());
            let fate = script.lock().unwrap()(&call);
            (fate, answer(&mut held, &call, fate))
        };
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} Told\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        match fate {
            Fate::Silence => std::future::pending().await,
            Fate::Cut => {
                stream.write_all(head.as_bytes()).await?;
                stream.write_all(&text.as_bytes()[..text.len() / 2]).await?;
                return stream.flush().await;
            }
            _ => stream.write_all(&[head.as_bytes(), text.as_bytes()].concat()).await?,
        }
        stream.flush().await?;
    }
    Ok(())
}

/// What is read of a request.
#[derive(Default)]
struct Request {
    operation: String,
    body: Value,
    authorization: String,
}

/// The next request; `None` at the end of the connection.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let (mut request, mut length) = (Request::default(), 0);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => request.operation = value.rsplit('.').next().unwrap().to_owned(),
            "authorization" => request.authorization = value.to_owned(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    // Containers ask for credentials without a body.
    request.body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
    Ok(Some(request))
}

fn answer(held: &mut Held, call: &Call, fate: Fate) -> (u16, Value) {
    if let Fate::Refused(status, code) = fate {
        return (status, refusal(code));
    }
    let done = match fate {
        Fate::Undone => 0,
        Fate::Partly => 1,
        _ => usize::MAX,
    };
    if call.operation.is_empty() {
        return (200, container_credentials());
    }
    let table = call.body["TableName"].as_str().unwrap_or_default().to_owned();
    match call.operation.as_str() {
        "BatchGetItem" => get(held, &call.body["RequestItems"], done),
        "BatchWriteItem" => write(held, &call.body["RequestItems"], done),
        "PutItem" => put(held, &table, &call.body["Item"]),
        "DescribeTable" => describe(held, &table),
        "CreateTable" => {
            held.tables.insert(table.clone(), BTreeMap::new());
            let tags = call.body["Tags"].as_array().cloned().unwrap_or_default();
            held.tags.entry(table).or_default().extend(tags.iter().map(pair));
            (200, json!({}))
        }
        "DeleteTable" => {
            held.tables.remove(&table);
            (200, json!({}))
        }
        _ => tagging(held, call),
    }
}

/// What a container's agent answers.
fn container_credentials() -> Value {
    json!({"AccessKeyId": "container", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"})
}

fn refusal(code: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "told to"})
}

fn missing() -> (u16, Value) {
    (400, refusal("ResourceNotFoundException"))
}

fn pair(tag: &Value) -> (String, String) {
    (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].as_str().unwrap().to_owned())
}

fn get(held: &Held, wanted: &Value, mut done: usize) -> (u16, Value) {
    let (mut found, mut left) = (Map::new(), Map::new());
    for (table, wanted) in wanted.as_object().unwrap() {
        let Some(items) = held.tables.get(table) else { return missing() };
        let keys = wanted["Keys"].as_array().unwrap();
        let (now, later) = keys.split_at(keys.len().min(done));
        done -= now.len();
        let item = |key: &Value| items.get(key["entity_id"]["S"].as_str().unwrap()).cloned();
        found.insert(table.clone(), now.iter().filter_map(item).collect());
        if !later.is_empty() {
            let mut again = wanted.clone();
            again["Keys"] = later.into();
            left.insert(table.clone(), again);
        }
    }
    (200, json!({"Responses": found, "UnprocessedKeys": left}))
}

fn write(held: &mut Held, wanted: &Value, done: usize) -> (u16, Value) {
    let mut left = Map::new();
    for (table, puts) in wanted.as_object().unwrap() {
        let puts = puts.as_array().unwrap();
        let (now, later) = puts.split_at(puts.len().min(done));
        for one in now {
            let (status, answer) = put(held, table, &one["PutRequest"]["Item"]);
            if status != 200 {
                return (status, answer);
            }
        }
        if !later.is_empty() {
            left.insert(table.clone(), later.into());
        }
    }
    (200, json!({"UnprocessedItems": left}))
}

fn put(held: &mut Held, table: &str, item: &Value) -> (u16, Value) {
    let Some(items) = held.tables.get_mut(table) else { return missing() };
    items.insert(item["entity_id"]["S"].as_str().unwrap().to_owned(), item.clone());
    (200, json!({}))
}

fn describe(held: &mut Held, table: &str) -> (u16, Value) {
    let statuses = held.statuses.entry(table.to_owned()).or_default();
    let status = match statuses.is_empty() {
        false => statuses.remove(0),
        true if held.tables.contains_key(table) => "ACTIVE",
        true => "gone",
    };
    if status == "gone" {
        return missing();
    }
    // A table that is said to be of somebody else has another key.
    let (status, key) = if status == "foreign" { ("ACTIVE", "id") } else { (status, "entity_id") };
    let description = json!({
        "TableName": table, "TableStatus": status, "TableArn": table,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
    });
    (200, json!({"Table": description}))
}

fn tagging(held: &mut Held, call: &Call) -> (u16, Value) {
    let tags = held.tags.entry(call.body["ResourceArn"].as_str().unwrap().to_owned()).or_default();
    match call.operation.as_str() {
        "TagResource" => tags.extend(call.body["Tags"].as_array().unwrap().iter().map(pair)),
        "UntagResource" => {
            let gone = call.body["TagKeys"].as_array().unwrap();
            tags.retain(|key, _| !gone.contains(&json!(key)));
        }
        "ListTagsOfResource" => return list(tags, &call.body["NextToken"]),
        other => return (400, refusal(&format!("UnknownOperation{other}"))),
    }
    (200, json!({}))
}

/// One tag a page.
fn list(tags: &BTreeMap<String, String>, token: &Value) -> (u16, Value) {
    let page: usize = token.as_str().map_or(0, |token| token.parse().unwrap());
    let tag = |(key, value): (&String, &String)| json!({"Key": key, "Value": value});
    let found: Vec<_> = tags.iter().skip(page).take(1).map(tag).collect();
    let next = (page + 1 < tags.len()).then(|| (page + 1).to_string());
    (200, json!({"Tags": found, "NextToken": next}))
}

/// An item as Feast stores it.
pub(crate) fn item(id: &str, event: &str, values: &[(&str, &[u8])]) -> Value {
    let value = |(name, bytes): &(&str, &[u8])| ((*name).to_owned(), json!({"B": STANDARD.encode(bytes)}));
    let values: Map<String, Value> = values.iter().map(value).collect();
    json!({"entity_id": {"S": id}, "event_ts": {"S": event}, "values": {"M": values}})
}
