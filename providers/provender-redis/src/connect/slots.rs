//! Which node has a key: of a cluster by hash slot, else the only one.

use super::Node;
use provender_core::{Error, Result};

/// Hash slots of a cluster.
const SLOTS: usize = 16_384;
/// A slot that no node serves.
const NOBODY: u16 = u16::MAX;

/// The master nodes and, of a cluster, who has which slot. Never changes: a new one takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topology {
    masters: Vec<Node>,
    /// Index into `masters` of each slot; absent where one node has all keys.
    slots: Option<Box<[u16]>>,
}

impl Topology {
    /// One node has everything.
    pub(crate) fn single(node: Node) -> Self {
        Self { masters: vec![node], slots: None }
    }

    /// A cluster, from ranges of slots (both ends inclusive) and their masters.
    pub(crate) fn cluster(ranges: impl IntoIterator<Item = (u16, u16, Node)>) -> Self {
        let mut topology = Self { masters: Vec::new(), slots: Some(vec![NOBODY; SLOTS].into()) };
        for (first, last, node) in ranges {
            topology.assign(usize::from(first)..usize::from(last) + 1, &node);
        }
        topology
    }

    /// The master nodes, each once.
    pub(crate) fn masters(&self) -> &[Node] {
        &self.masters
    }

    /// Whether keys are spread over hash slots.
    pub(crate) fn is_cluster(&self) -> bool {
        self.slots.is_some()
    }

    /// Index into [`Topology::masters`] of the node that has a key.
    ///
    /// # Errors
    /// `Unavailable` if no node serves the key's slot.
    pub(crate) fn node_of(&self, key: &[u8]) -> Result<usize> {
        let Some(slots) = &self.slots else { return Ok(0) };
        let slot = key_slot(key);
        match slots[usize::from(slot)] {
            NOBODY => {
                Err(Error::unavailable("no node of the Redis cluster serves a slot").with("slot", slot))
            }
            index => Ok(usize::from(index)),
        }
    }

    /// The node that has a slot; `None` without slots.
    pub(super) fn owner(&self, slot: u16) -> Option<&Node> {
        let index = *self.slots.as_ref()?.get(usize::from(slot))?;
        self.masters.get(usize::from(index))
    }

    /// The same with one slot given to a node.
    pub(super) fn with_slot(&self, slot: u16, node: &Node) -> Self {
        let mut topology = self.clone();
        topology.assign(usize::from(slot)..usize::from(slot) + 1, node);
        topology
    }

    fn assign(&mut self, range: std::ops::Range<usize>, node: &Node) {
        let index = self.masters.iter().position(|known| known == node).unwrap_or_else(|| {
            self.masters.push(node.clone());
            self.masters.len() - 1
        });
        if let Some(slots) = self.slots.as_mut().and_then(|slots| slots.get_mut(range)) {
            slots.fill(index as u16);
        }
    }
}

/// The hash slot of a key: CRC-16/XMODEM of the part between the first `{` and the next `}` if that is not empty, else of all of it, modulo 16384.
pub(crate) fn key_slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|b| *b == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|b| *b == b'}').filter(|len| *len > 0).map(|len| &rest[..len])
    });
    crc16(tag.unwrap_or(key)) % SLOTS as u16
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        // As `CLUSTER KEYSLOT` of Redis 7.0 answers.
        for (key, slot) in
            [("foo", 12182), ("user1000", 3443), ("", 0), ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015)]
        {
            assert_eq!(key_slot(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"user1000"));
        assert_eq!(key_slot(b"foo{bar}{zap}"), key_slot(b"bar"));
    }

    #[test]
    fn keys_find_their_node_and_unserved_slots_are_errors() {
        let (a, b) = (Node::new("a", 1), Node::new("b", 2));
        let topology = Topology::cluster([(0, 8000, a.clone()), (8001, 16_000, b.clone())]);
        assert_eq!(topology.masters(), [a, b.clone()]);
        assert_eq!(topology.node_of(b"user1000").unwrap(), 0);
        assert_eq!(topology.node_of(b"foo").unwrap(), 1);
        let lost = (0u32..).map(|i| i.to_string()).find(|k| key_slot(k.as_bytes()) > 16_000).unwrap();
        assert_eq!(topology.node_of(lost.as_bytes()).unwrap_err().kind(), provender_core::Kind::Unavailable);
        let c = Node::new("c", 3);
        let moved = topology.with_slot(3443, &c);
        assert_eq!((moved.owner(3443), moved.owner(3444)), (Some(&c), topology.owner(3444)));
        assert_eq!(moved.node_of(b"foo").unwrap(), 1);
    }

    #[test]
    fn a_single_server_has_every_key() {
        let topology = Topology::single(Node::new("a", 1));
        assert_eq!((topology.node_of(b"foo").unwrap(), topology.owner(5)), (0, None));
    }
}
