//! Plans as bytes, for other processes.

use super::exec::PointInTimeJoinExec;
use super::message::{JoinMessage, JoinSpec, SourceMessage, decode_schema, encode_schema};
use super::node::PointInTimeJoin;
use crate::bounds::Bounds;
use crate::errors::through_datafusion;
use crate::scan::SourceScan;
use crate::table::SourceTable;
use arrow_schema::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result as DfResult, TableReference};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use prost::Message;
use provender_core::model::DataSource;
use provender_core::{Error, OfflineStore, RequestContext, Result};
use std::sync::Arc;

/// Sends and receives plans with point-in-time joins and tables of data sources. What a plan names is looked up among the stores of the process that receives
/// it: paths, URLs and queries travel, credentials do not.
#[derive(Clone, Debug)]
pub struct JoinCodec {
    stores: Vec<Arc<dyn OfflineStore>>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeMessage {
    #[prost(oneof = "Node", tags = "1, 2, 3")]
    node: Option<Node>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Node {
    #[prost(message, tag = "1")]
    Join(JoinMessage),
    #[prost(message, tag = "2")]
    Scan(ScanMessage),
    #[prost(message, tag = "3")]
    Table(SourceMessage),
}

#[derive(Clone, PartialEq, Message)]
struct ScanMessage {
    #[prost(message, required, tag = "1")]
    source: SourceMessage,
    /// The columns read, an encoded `datafusion_common.Schema`.
    #[prost(bytes = "vec", tag = "2")]
    schema: Vec<u8>,
    #[prost(int64, tag = "3")]
    start: i64,
    #[prost(int64, tag = "4")]
    end: i64,
}

impl JoinCodec {
    /// A codec over the stores of this process.
    #[must_use]
    pub fn new(stores: Vec<Arc<dyn OfflineStore>>) -> Self {
        Self { stores }
    }

    fn store(&self, source: &DataSource) -> Result<Arc<dyn OfflineStore>> {
        let store = self.stores.iter().find(|store| store.reads(source));
        store.cloned().ok_or_else(|| {
            Error::unsupported("no offline store of this process reads that source")
                .with("source", &source.name)
                .with("type", source.kind.class())
        })
    }

    fn table(&self, message: &SourceMessage, schema: &SchemaRef) -> Result<SourceTable> {
        let source = message.source()?;
        let store = self.store(&source)?;
        Ok(SourceTable::with_schema(source, store, schema, RequestContext::local()))
    }
}

fn write(node: Node, buffer: &mut Vec<u8>) -> DfResult<()> {
    let message = NodeMessage { node: Some(node) };
    message
        .encode(buffer)
        .map_err(|e| through_datafusion(Error::internal("a plan cannot be sent").because(e)))
}

fn read(buffer: &[u8]) -> DfResult<Node> {
    let damaged = || Error::invalid("a node that was sent is damaged, or of another version");
    let message = NodeMessage::decode(buffer).map_err(|e| through_datafusion(damaged().because(e)))?;
    message.node.ok_or_else(|| through_datafusion(damaged()))
}

fn unknown(name: &str) -> datafusion::common::DataFusionError {
    through_datafusion(
        Error::unsupported("a node of that name cannot be sent or received").with("node", name),
    )
}

impl LogicalExtensionCodec for JoinCodec {
    fn try_decode(&self, buffer: &[u8], inputs: &[LogicalPlan], _: &TaskContext) -> DfResult<Extension> {
        match (read(buffer)?, inputs) {
            (Node::Join(message), [input]) => {
                let join = PointInTimeJoin::new(input.clone(), JoinSpec::from(message))?;
                Ok(Extension { node: Arc::new(join) })
            }
            _ => Err(unknown("logical extension")),
        }
    }

    fn try_encode(&self, extension: &Extension, buffer: &mut Vec<u8>) -> DfResult<()> {
        match extension.node.as_any().downcast_ref::<PointInTimeJoin>() {
            Some(join) => write(Node::Join(join.spec().message().clone()), buffer),
            None => Err(unknown(extension.node.name())),
        }
    }

    fn try_decode_table_provider(
        &self,
        buffer: &[u8],
        _: &TableReference,
        schema: SchemaRef,
        _: &TaskContext,
    ) -> DfResult<Arc<dyn TableProvider>> {
        match read(buffer)? {
            Node::Table(message) => Ok(Arc::new(self.table(&message, &schema).map_err(through_datafusion)?)),
            _ => Err(unknown("table")),
        }
    }

    fn try_encode_table_provider(
        &self,
        reference: &TableReference,
        table: Arc<dyn TableProvider>,
        buffer: &mut Vec<u8>,
    ) -> DfResult<()> {
        let table: &dyn std::any::Any = table.as_ref();
        match table.downcast_ref::<SourceTable>() {
            Some(table) => {
                let message = SourceMessage::of(&table.source).map_err(through_datafusion)?;
                write(Node::Table(message), buffer)
            }
            None => Err(unknown(reference.table())),
        }
    }
}

impl PhysicalExtensionCodec for JoinCodec {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (read(buffer)?, inputs) {
            (Node::Join(message), [input]) => {
                let join = PointInTimeJoinExec::new(Arc::clone(input), JoinSpec::from(message), &self.stores);
                Ok(Arc::new(join.map_err(through_datafusion)?))
            }
            (Node::Scan(scan), []) => {
                let schema = decode_schema(&scan.schema).map_err(through_datafusion)?;
                let table = self.table(&scan.source, &schema).map_err(through_datafusion)?;
                let bounds = Bounds { start: scan.start, end: scan.end };
                Ok(Arc::new(SourceScan::new(&table, schema, bounds)))
            }
            _ => Err(unknown("physical extension")),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> DfResult<()> {
        let any: &dyn std::any::Any = node.as_ref();
        if let Some(join) = any.downcast_ref::<PointInTimeJoinExec>() {
            return write(Node::Join(join.spec().message().clone()), buffer);
        }
        let Some(scan) = any.downcast_ref::<SourceScan>() else { return Err(unknown(node.name())) };
        let message = ScanMessage {
            source: SourceMessage::of(&scan.source).map_err(through_datafusion)?,
            schema: encode_schema(&node.schema()).map_err(through_datafusion)?,
            start: scan.bounds.start,
            end: scan.bounds.end,
        };
        write(Node::Scan(message), buffer)
    }
}
