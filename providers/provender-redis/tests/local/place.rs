//! A project of a test's own on real servers, stores over it, and its keys as they are in Redis.

use arrow_array::{ArrayRef, BinaryArray, RecordBatch, TimestampMicrosecondArray};
use provender_core::config::Secret;
use provender_core::online::{
    InfraChanges, OnlineRead, OnlineTable, OnlineWrite, ViewRead, ViewRows, WriteSummary,
};
use provender_core::value::{ValueRef, read};
use provender_core::{
    EntityKeyEncoder, EntityKeys, KeyValue, OnlineStore, OpenContext, Provider as _, RequestContext, Result,
    SECOND, Timestamp, ValueType,
};
use provender_redis::{Layout, Redis, RedisConfig, RedisType};
use redis::aio::MultiplexedConnection;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) type Store = Arc<dyn OnlineStore>;
pub(crate) type Hash = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a test runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Servers {
    One,
    Cluster,
}

impl Servers {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "redis",
            Self::Cluster => "cluster",
        }
    }

    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::One => "PROVENDER_TEST_REDIS",
            Self::Cluster => "PROVENDER_TEST_REDIS_CLUSTER",
        }
    }

    pub(crate) fn address(self) -> Option<String> {
        std::env::var(self.variable()).ok().filter(|address| !address.is_empty())
    }
}

/// A project of a test's own.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) project: String,
    servers: Servers,
    address: String,
    /// One to each node.
    raw: Vec<MultiplexedConnection>,
}

/// A row to write: key, event and created second, and a text (`None` for null) for each feature.
pub(crate) type Row<'a> = (i64, i64, Option<i64>, &'a [Option<&'a str>]);

impl Place {
    pub(crate) async fn new(servers: Servers, address: String, test: &str) -> Self {
        let mut raw = Vec::new();
        for node in address.split(',') {
            let client = redis::Client::open(format!("redis://{node}/")).unwrap();
            raw.push(client.get_multiplexed_async_connection().await.unwrap());
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let project = format!("{test}_{}", now.as_micros());
        Self { project, servers, address, raw }
    }

    /// Another project on the same servers.
    pub(crate) fn beside(&self, project: &str) -> Self {
        Self { project: project.to_owned(), ..self.clone() }
    }

    /// Settings of a store here.
    pub(crate) fn config(&self) -> RedisConfig {
        RedisConfig {
            connection_string: Secret::new(self.address.clone()),
            redis_type: match self.servers {
                Servers::One => RedisType::Redis,
                Servers::Cluster => RedisType::RedisCluster,
            },
            // What a test leaves behind goes by itself.
            key_ttl_seconds: Some(600),
            ..RedisConfig::default()
        }
    }

    pub(crate) async fn open(&self, config: RedisConfig) -> Store {
        Redis::open(config, &OpenContext::new(&self.project, ".")).await.unwrap()
    }

    /// A store of its own, as another process would have it.
    pub(crate) async fn store(&self, layout: Layout) -> Store {
        self.open(RedisConfig { layout, ..self.config() }).await
    }

    /// A view of text features, known by `id`.
    pub(crate) fn view(&self, name: &str, features: &[&str]) -> Arc<OnlineTable> {
        self.view_of(name, features.iter().map(|name| ((*name).to_owned(), ValueType::STRING)))
    }

    pub(crate) fn view_of(
        &self,
        name: &str,
        features: impl IntoIterator<Item = (String, ValueType)>,
    ) -> Arc<OnlineTable> {
        Arc::new(OnlineTable {
            project: self.project.clone(),
            view: name.to_owned(),
            join_keys: vec!["id".to_owned()],
            features: features.into_iter().collect(),
            ttl: None,
            tags: Default::default(),
        })
    }

    /// The key of an entity in Redis.
    pub(crate) fn key(&self, id: i64) -> Vec<u8> {
        [entity(id).as_slice(), self.project.as_bytes()].concat()
    }

    /// Sends a command to whichever node takes it.
    pub(crate) async fn ask<T: redis::FromRedisValue>(&self, name: &str, words: &[&[u8]]) -> T {
        let mut command = redis::cmd(name);
        for word in words {
            command.arg(*word);
        }
        for mut node in self.raw.clone() {
            match command.query_async(&mut node).await {
                // Another node has the key.
                Err(error) if error.code() == Some("MOVED") => {}
                value => return value.unwrap(),
            }
        }
        panic!("no node has the key");
    }

    pub(crate) async fn hash(&self, key: &[u8]) -> Hash {
        self.ask("HGETALL", &[key]).await
    }

    /// Names of the fields of an entity.
    pub(crate) async fn fields(&self, id: i64) -> Vec<Vec<u8>> {
        self.hash(&self.key(id)).await.into_keys().collect()
    }
}

/// The key of the entity `id`.
pub(crate) fn entity(id: i64) -> Vec<u8> {
    let mut keys = EntityKeys::default();
    let encoder = EntityKeyEncoder::new([("id", ValueType::INT64)]).unwrap();
    assert!(encoder.push(&mut keys, |_| KeyValue::Int(id)).unwrap());
    keys.key(0).to_vec()
}

/// A text as value bytes.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [&[0x12, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// A row as it is written: entity key, event and created microsecond, and value bytes.
pub(crate) type RawRow = (Vec<u8>, i64, Option<i64>, Vec<Vec<u8>>);

/// Rows in the columns of a write.
pub(crate) fn request(table: &Arc<OnlineTable>, rows: &[RawRow]) -> OnlineWrite {
    let times = |times: Vec<Option<i64>>| {
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) as ArrayRef
    };
    let keys = BinaryArray::from_iter_values(rows.iter().map(|row| &row.0));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("entity_key".to_owned(), Arc::new(keys)),
        ("event_timestamp".to_owned(), times(rows.iter().map(|row| Some(row.1)).collect())),
        ("created_timestamp".to_owned(), times(rows.iter().map(|row| row.2).collect())),
    ];
    for (i, (name, _)) in table.features.iter().enumerate() {
        let values = BinaryArray::from_iter_values(rows.iter().map(|row| &row.3[i]));
        columns.push((name.clone(), Arc::new(values)));
    }
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    OnlineWrite { table: Arc::clone(table), rows, context: RequestContext::local() }
}

pub(crate) async fn write(store: &Store, table: &Arc<OnlineTable>, rows: &[Row<'_>]) -> Result<WriteSummary> {
    let cell = |cell: &Option<&str>| cell.map(text).unwrap_or_default();
    let rows: Vec<_> = rows
        .iter()
        .map(|(id, event, created, cells)| {
            let created = created.map(|second| second * SECOND);
            (entity(*id), event * SECOND, created, cells.iter().map(cell).collect())
        })
        .collect();
    store.write(request(table, &rows)).await
}

/// All features of some entities.
pub(crate) async fn rows(store: &Store, table: &Arc<OnlineTable>, ids: &[i64]) -> Result<ViewRows> {
    let keys = Arc::new(ids.iter().map(|id| entity(*id)).collect());
    let features: Vec<usize> = (0..table.features.len()).collect();
    let views = vec![ViewRead { table: Arc::clone(table), features: features.into(), keys }];
    let request = OnlineRead { views, context: RequestContext::local() };
    Ok(store.read(&request).await?.views.remove(0))
}

/// The same as text: `absent`, or the second of the event and each cell: its text, `null`, or `never` written.
pub(crate) async fn shown(store: &Store, table: &Arc<OnlineTable>, ids: &[i64]) -> Result<Vec<String>> {
    let rows = rows(store, table, ids).await?;
    let line = |row: usize| {
        let Some(time) = rows.time(row) else { return "absent".to_owned() };
        let cells: Vec<String> = (0..table.features.len()).map(|f| cell(rows.cell(row, f))).collect();
        format!("{}: {}", time.seconds(), cells.join(" "))
    };
    Ok((0..rows.len()).map(line).collect())
}

pub(crate) fn cell(cell: Option<&[u8]>) -> String {
    match cell {
        None => "never".to_owned(),
        Some([]) => "null".to_owned(),
        Some(bytes) => match read(bytes) {
            Ok((_, ValueRef::Text(text))) => text.to_owned(),
            _ => format!("{bytes:02x?}"),
        },
    }
}

/// Sets views up.
pub(crate) async fn keep(store: &Store, tables: &[&Arc<OnlineTable>]) {
    let keep = tables.iter().map(|table| Arc::clone(table)).collect();
    store.reconcile(&InfraChanges { keep, ..InfraChanges::default() }).await.unwrap();
}

/// A time as Feast stores it.
pub(crate) fn feasts_time(time: Timestamp) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut field = |tag: u8, mut value: u64| {
        if value != 0 {
            bytes.push(tag);
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
        }
    };
    field(0x08, time.seconds() as u64);
    field(0x10, time.subsec_micros() as u64 * 1000);
    bytes
}
