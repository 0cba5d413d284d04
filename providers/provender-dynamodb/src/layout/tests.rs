use super::*;
use provender_core::Kind;

/// Entity keys and their names, as Feast computes them.
fn vectors() -> Vec<(Vec<u8>, String)> {
    let text = include_str!("../../testdata/entity_ids.json");
    let all: serde_json::Value = serde_json::from_str(text).unwrap();
    let pair =
        |pair: &serde_json::Value| (hex(pair[0].as_str().unwrap()), pair[1].as_str().unwrap().to_owned());
    all["keys"].as_array().unwrap().iter().map(pair).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn table() -> OnlineTable {
    OnlineTable {
        project: "shop".to_owned(),
        view: "stats".to_owned(),
        join_keys: vec!["id".to_owned()],
        features: Vec::new(),
        ttl: None,
        tags: Default::default(),
    }
}

fn stored(event: &str, created: Option<&str>) -> Item {
    let created = created.map(|created| (CREATED.to_owned(), text(created)));
    let event = (EVENT.to_owned(), text(event));
    [(ENTITY_ID.to_owned(), text("1c2e")), event].into_iter().chain(created).collect()
}

#[test]
fn entities_are_named_as_feast_names_them() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 45);
    for (key, id) in vectors {
        assert_eq!(entity_id(&key), id);
    }
}

#[test]
fn keys_of_every_length_are_hashed() {
    // Computed with Python's mmh3 for the bytes 0, 1, 2…
    for (length, id) in [
        (0, "00000000000000000000000000000000"),
        (1, "b55cff6ee5ab10468335f878aa2d6251"),
        (7, "680d4bca87694cbd87c725bdd4dd3a61"),
        (8, "c82f8ed6bde1a747c7dc31ec02eee660"),
        (9, "322d816e0fcbb4fbb9ff00021d75de78"),
        (15, "e92549fd98152347e97dc688ee6d84cd"),
        (16, "303f9091b524494445e82f76566490ab"),
        (17, "0ec2e79f0ff4765c24a8da9e6b025fc1"),
        (32, "0f502fb622906dc65111c3346e0a051c"),
        (33, "1246bafa1b28417d0ba3d6a77380ac55"),
        (255, "9d586942829ab00383daed0e6167fb85"),
    ] {
        let key: Vec<u8> = (0..length).collect();
        assert_eq!(entity_id(&key), id, "{length} bytes");
    }
}

#[test]
fn times_are_written_as_python_writes_them() {
    for (time, expected) in [
        (1_795_165_200_000_000, "2026-11-20 09:00:00+00:00"),
        (1_795_165_200_123_456, "2026-11-20 09:00:00.123456+00:00"),
        (1_795_165_200_500_000, "2026-11-20 09:00:00.500000+00:00"),
        (-1, "1969-12-31 23:59:59.999999+00:00"),
        (-62_135_596_800_000_000, "0001-01-01 00:00:00+00:00"),
        (253_402_300_799_999_999, "9999-12-31 23:59:59.999999+00:00"),
    ] {
        assert_eq!(time_text(Timestamp(time)).unwrap(), expected);
        assert_eq!(Timestamp::parse(expected).unwrap(), Timestamp(time));
    }
}

#[test]
fn times_that_python_does_not_have_are_refused() {
    for time in [-62_135_596_800_000_001, 253_402_300_800_000_000, i64::MAX, i64::MIN] {
        let error = time_text(Timestamp(time)).unwrap_err();
        assert_eq!(
            (error.kind(), error.get("expected")),
            (Kind::Invalid, Some("a time of the years 1 to 9999"))
        );
    }
}

#[test]
fn texts_of_times_compare_as_the_times_do() {
    let mut times: Vec<i64> = (-30..30).map(|n| n * 333_333).chain((-9..9).map(|n| n * 1_000_000)).collect();
    times.sort_unstable();
    let texts: Vec<_> = times.iter().map(|t| time_text(Timestamp(*t)).unwrap()).collect();
    assert!(texts.is_sorted(), "{texts:?}");
}

#[test]
fn created_times_compare_within_an_event_and_none_is_the_smallest() {
    let event = time_text(Timestamp(0)).unwrap();
    let created = |t: Option<i64>| created_text(&event, t.map(Timestamp)).unwrap();
    assert!(created(None) < created(Some(-5_000_000)));
    assert!(created(Some(1_000_000)) < created(Some(1_000_001)));
    assert!(created(Some(1_000_001)) < created(Some(2_000_000)));
}

#[test]
fn created_times_belong_to_the_event_they_name() {
    let (event, created) = (Timestamp(1_000_000), Timestamp(2_000_000));
    let (event_text, both) =
        (time_text(event).unwrap(), created_text("1970-01-01 00:00:01+00:00", Some(created)).unwrap());
    let age = |item: &Item| stored_age(item, &table()).unwrap();
    assert_eq!(age(&stored(&event_text, Some(&both))), (event, Some(created)));
    assert_eq!(age(&stored(&event_text, None)), (event, None));
    // Feast has written another event time since, and left the attribute as it was.
    let later = Timestamp(1_500_000);
    assert_eq!(age(&stored(&time_text(later).unwrap(), Some(&both))), (later, None));
}

#[test]
fn event_times_of_every_writer_are_read() {
    for (text, expected) in [
        ("2026-11-20 09:00:00+00:00", 1_795_165_200_000_000),
        ("2026-11-20 09:00:00.5+00:00", 1_795_165_200_500_000),
        ("2026-11-20 14:30:00+05:30", 1_795_165_200_000_000),
        ("2026-11-20 09:00:00.123456789+00:00", 1_795_165_200_123_456),
        ("2026-11-20T09:00:00Z", 1_795_165_200_000_000),
        ("2026-11-20 09:00:00", 1_795_165_200_000_000),
    ] {
        assert_eq!(stored_event(&stored(text, None), &table()).unwrap(), Timestamp(expected), "{text}");
    }
    let error = stored_event(&stored("soon", None), &table()).unwrap_err();
    assert_eq!(
        (error.kind(), error.get("view"), error.get("entity_id")),
        (Kind::Internal, Some("stats"), Some("1c2e"))
    );
}
