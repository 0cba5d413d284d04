//! Redis restarted, hung, failing over, losing a node and moving slots; connections cut, refused and slow; a key that is no hash. Whatever
//! happens, no answer has a wrong value or calls a key missing that could not be read, failures come in time, and the server recovers by itself.

use crate::keyed::{KEYS, fails, read, recovers, repo, serve, some, under_load, until};
use crate::proxy::{Mode, Proxy};
use crate::redis::{MASTER, Redis, Watched, cluster};
use crate::{Case, REDIS_SERVER};
use std::process::Command;
use std::time::Duration;

pub(crate) const CASES: &[Case] = &[
    Case::new("reads_recover_when_redis_was_restarted", &[REDIS_SERVER], restarted),
    Case::new("late_replies_of_a_hung_redis_reach_nobody", &[REDIS_SERVER], hung),
    Case::new("replies_held_back_on_the_way_reach_nobody", &[REDIS_SERVER], held_back),
    Case::new("connections_cut_in_a_reply_lose_no_key", &[REDIS_SERVER], cut),
    Case::new("refused_connections_and_slow_replies_fail_in_time", &[REDIS_SERVER], refused_and_slow),
    Case::new("a_key_that_is_no_hash_fails_its_own_requests_only", &[REDIS_SERVER], wrong_type),
    Case::new("failover_by_sentinels_under_load_gives_no_wrong_answer", &[REDIS_SERVER], failover),
    Case::new("a_lost_node_of_a_cluster_makes_no_key_missing", &[REDIS_SERVER], node_lost),
    Case::new("slots_that_move_while_they_are_read_lose_no_key", &[REDIS_SERVER], slots_moved),
    Case::new(
        "a_materialization_that_redis_interrupts_is_whole_when_run_again",
        &[REDIS_SERVER],
        interrupted_write,
    ),
    Case::new("a_layout_that_is_migrated_while_it_is_read_changes_no_answer", &[REDIS_SERVER], migrated),
];

fn store(address: impl std::fmt::Display) -> String {
    format!("{{type: redis, connection_string: '{address}'}}")
}

fn single(redis: &Redis) -> String {
    store(format_args!("127.0.0.1:{}", redis.port))
}

fn restarted() {
    let mut redis = Redis::start(&[]);
    let repo = repo(&single(&redis));
    let server = serve(&repo);
    recovers(&server);
    redis.save();
    for _ in 0..3 {
        let tally = under_load(&server, || {
            redis.kill();
            fails(&server);
            redis.start_again();
            until("reads succeed again", || read(&server, &some(3)).is_ok());
        });
        assert!(tally.failed > 0, "{tally:?}");
        recovers(&server);
    }
}

fn hung() {
    let redis = Redis::start(&[]);
    let repo = repo(&single(&redis));
    let server = serve(&repo);
    recovers(&server);
    for _ in 0..2 {
        let tally = under_load(&server, || {
            redis.signal("STOP");
            fails(&server);
            redis.signal("CONT");
            until("reads succeed again", || read(&server, &some(5)).is_ok());
        });
        assert!(tally.failed > 0, "{tally:?}");
        recovers(&server);
    }
}

fn held_back() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::new(redis.port);
    let repo = repo(&store(proxy.address()));
    let server = serve(&repo);
    recovers(&server);
    let tally = under_load(&server, || {
        proxy.set(Mode::Hang);
        fails(&server);
        proxy.set(Mode::Pass);
        until("reads succeed again", || read(&server, &some(7)).is_ok());
    });
    assert!(tally.failed > 0, "{tally:?}");
    recovers(&server);
}

fn cut() {
    for layout in ["feast", "packed"] {
        let redis = Redis::start(&[]);
        let proxy = Proxy::new(redis.port);
        let repo =
            repo(&format!("{{type: redis, connection_string: '{}', layout: {layout}}}", proxy.address()));
        let server = serve(&repo);
        recovers(&server);
        under_load(&server, || {
            for bytes in [0, 1, 2, 3, 5, 8, 13, 40, 100, 333, 1_000, 4_096, 20_000] {
                let before = proxy.cuts();
                proxy.set(Mode::Cut(bytes));
                until("a connection is cut", || {
                    let _ = read(&server, &some(9));
                    proxy.cuts() > before
                });
                until("reads succeed again", || read(&server, &some(11)).is_ok());
            }
        });
        recovers(&server);
    }
}

fn refused_and_slow() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::new(redis.port);
    let repo = repo(&store(proxy.address()));
    let server = serve(&repo);
    recovers(&server);
    for mode in [Mode::Refuse, Mode::Delay(Duration::from_secs(3))] {
        proxy.set(mode);
        fails(&server);
        proxy.set(Mode::Pass);
        recovers(&server);
    }
    proxy.set(Mode::Delay(Duration::from_millis(50)));
    assert_eq!(read(&server, &some(1)), Ok(()), "slow, but within the deadline");
}

fn wrong_type() {
    let redis = Redis::start(&[]);
    let repo = repo(&single(&redis));
    let server = serve(&repo);
    assert_eq!(at_key_of(&redis, 40, "redis.call('DEL', key) redis.call('SET', key, 'no hash')"), "1");
    let others: Vec<i64> = (0..KEYS).filter(|k| *k != 40).step_by(40).collect();
    // Its replies come in between those of the others, on the same connections.
    let tally = under_load(&server, || {
        for _ in 0..100 {
            assert!(read(&server, &[39, 40, 41]).is_err());
            assert_eq!(read(&server, &others), Ok(()));
        }
    });
    assert!(tally.right > 0, "{tally:?}");
    assert_eq!(at_key_of(&redis, 40, "redis.call('DEL', key)"), "1");
    repo.ok(&["materialize", "2025-12-31", "2026-01-02"]);
    recovers(&server);
}

/// Runs Lua at an entity's key, whose name holds bytes that no argument can: it ends in the entity's eight bytes and the project. Answers how
/// many keys there were.
fn at_key_of(redis: &Redis, entity: i64, lua: &str) -> String {
    let script = format!(
        "local count = 0 for _, key in ipairs(redis.call('KEYS', '*')) do if string.sub(key, -5) == 'keyed' and \
         struct.unpack('<i8', key, #key - 12) == tonumber(ARGV[1]) then {lua} count = count + 1 end end return count"
    );
    redis.ask(&["EVAL", &script, "0", &entity.to_string()])
}

fn failover() {
    let mut watched = Watched::start();
    let sentinels: Vec<String> = watched.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect();
    let repo = repo(&format!(
        "{{type: redis, redis_type: redis_sentinel, sentinel_master: {MASTER}, connection_string: '{}'}}",
        sentinels.join(",")
    ));
    watched.replicated();
    let server = serve(&repo);
    recovers(&server);
    let tally = under_load(&server, || {
        watched.master.kill();
        fails(&server);
        until("the replica is the master", || watched.replica.ask(&["ROLE"]).starts_with("master"));
        until("reads succeed again", || read(&server, &some(13)).is_ok());
    });
    assert!(tally.right > 0 && tally.failed > 0, "{tally:?}");
    recovers(&server);
    // What was the master comes back as a replica, and nobody reads from it as if it were the master.
    watched.master.start_again();
    until("the old master follows the new one", || watched.master.ask(&["ROLE"]).starts_with("slave"));
    recovers(&server);
    repo.ok(&["materialize", "2025-12-31", "2026-01-02"]);
    recovers(&server);
}

fn cluster_store(nodes: &[Redis]) -> String {
    let addresses: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    format!("{{type: redis, redis_type: redis_cluster, connection_string: '{}'}}", addresses.join(","))
}

fn node_lost() {
    let mut nodes = cluster();
    let repo = repo(&cluster_store(&nodes));
    let server = serve(&repo);
    recovers(&server);
    for node in [1, 0] {
        nodes[node].save();
        let tally = under_load(&server, || {
            nodes[node].kill();
            fails(&server);
            for n in 0..20 {
                // Twenty keys are on all three nodes, so none of these reads can be whole.
                assert!(read(&server, &some(n)).is_err());
            }
            nodes[node].start_again();
            until("reads succeed again", || read(&server, &some(15)).is_ok());
        });
        assert!(tally.failed > 0, "{tally:?}");
        recovers(&server);
    }
}

fn slots_moved() {
    let nodes = cluster();
    let repo = repo(&cluster_store(&nodes));
    let server = serve(&repo);
    recovers(&server);
    let id = |node: &Redis| node.ask(&["CLUSTER", "MYID"]);
    let tally = under_load(&server, || {
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            let moved = Command::new("redis-cli")
                .args(["--cluster", "reshard", &format!("127.0.0.1:{}", nodes[0].port)])
                .args(["--cluster-from", &id(&nodes[from]), "--cluster-to", &id(&nodes[to])])
                .args(["--cluster-slots", "500", "--cluster-yes"])
                .output()
                .unwrap();
            assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stdout));
        }
    });
    assert!(tally.right > 100, "{tally:?}");
    assert_eq!(tally.failed, 0, "slots move while all nodes are there: {tally:?}");
    recovers(&server);
}

fn migrated() {
    let redis = Redis::start(&[]);
    let repo = repo(&single(&redis));
    let server = serve(&repo);
    recovers(&server);
    let tally = under_load(&server, || {
        for layout in ["packed", "feast"] {
            repo.ok(&["migrate-layout", "--to", layout]);
            repo.ok(&["materialize", "2025-12-31", "2026-01-02"]);
        }
    });
    assert!(tally.right > 0, "{tally:?}");
    assert_eq!(tally.failed, 0, "{tally:?}");
    recovers(&server);
}

fn interrupted_write() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::new(redis.port);
    let repo = repo(&store(proxy.address()));
    let server = serve(&repo);
    redis.ask(&["FLUSHALL"]);
    let window = ["materialize", "2025-12-31", "2026-01-02"];
    for bytes in [0, 100, 1_000, 3_000] {
        proxy.set(Mode::Cut(bytes));
        // It may fail, or notice and go on: what it says is what is there.
        if repo.run(&window).status.success() {
            recovers(&server);
        }
        redis.ask(&["FLUSHALL"]);
    }
    proxy.set(Mode::Pass);
    repo.ok(&window);
    recovers(&server);
}
