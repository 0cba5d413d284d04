//! Credentials and region from where the AWS tools find them. Each case is a process with an environment of its own.

use crate::common::{found, keep, row, view, write_of};
use crate::fake::Fake;
use provender_core::{OpenContext, Provider as _, RequestContext};
use provender_dynamodb::{Dynamodb, DynamodbConfig};
use std::path::Path;
use std::process::Command;

const URL: &str = "PROVENDER_TEST_DYNAMODB_CHILD";

/// What a process with these variables prints, and the `Authorization` of its last request.
async fn child(fake: &Fake, variables: &[(&str, &str)]) -> (String, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::reads_a_row", "--ignored", "--nocapture"]).env_clear();
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env(URL, fake.url()).env("HOME", "/nonexistent").env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(variables.iter().copied());
    fake.script(|_| crate::fake::Fate::Fine);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let calls = fake.calls("BatchGetItem");
    let text = String::from_utf8(output.stdout).unwrap();
    let said = text.lines().find_map(|line| line.split_once("said: ")).unwrap_or_default().1;
    (said.to_owned(), calls.last().map(|call| call.authorization.clone()).unwrap_or_default())
}

#[tokio::test]
#[ignore = "a part of other tests, which start it as a process"]
async fn reads_a_row() {
    let Ok(url) = std::env::var(URL) else { return };
    let config = DynamodbConfig { endpoint_url: Some(url), ..DynamodbConfig::default() };
    let said = match Dynamodb::open(config, &OpenContext::new("shop", ".")).await {
        Ok(store) => found(&store, &view("stats", &["name"]), &[1], RequestContext::local()).await,
        Err(error) => Err(error),
    };
    match said {
        Ok(rows) => println!("\nsaid: {}", rows.join(" ")),
        Err(error) => println!("\nsaid: {:?}: {error}", error.kind()),
    }
}

/// A server with one row.
async fn with_a_row() -> Fake {
    let (fake, view) = (Fake::start().await, view("stats", &["name"]));
    let store = fake.store(|_| {}).await;
    store.reconcile(&keep(&[&view])).await.unwrap();
    store.write(write_of(&view, &[row(&view, 1, 1, "a")], RequestContext::local())).await.unwrap();
    fake
}

#[tokio::test]
async fn variables_profiles_processes_and_containers_give_credentials() {
    let fake = with_a_row().await;
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/aws_profiles");
    let profiles = profiles.to_str().unwrap();
    let container = format!("{}/credentials", fake.url());
    for (variables, who) in [
        (
            &[
                ("AWS_ACCESS_KEY_ID", "variables"),
                ("AWS_SECRET_ACCESS_KEY", "s"),
                ("AWS_REGION", "eu-west-1"),
            ][..],
            ["Credential=variables/", "/eu-west-1/dynamodb/"],
        ),
        (
            &[("AWS_CONFIG_FILE", profiles), ("AWS_PROFILE", "keys")],
            ["Credential=profile/", "/eu-north-1/dynamodb/"],
        ),
        (
            &[("AWS_CONFIG_FILE", profiles), ("AWS_PROFILE", "process")],
            ["Credential=process/", "/eu-south-1/dynamodb/"],
        ),
        (
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()), ("AWS_REGION", "eu-west-3")],
            ["Credential=container/", "/eu-west-3/dynamodb/"],
        ),
    ] {
        let (said, authorization) = child(&fake, variables).await;
        assert_eq!(said, "1=a", "{variables:?}");
        assert!(who.iter().all(|part| authorization.contains(part)), "{authorization}");
    }
}

#[tokio::test]
async fn without_credentials_it_is_denied_with_a_hint() {
    let fake = with_a_row().await;
    let (said, _) = child(&fake, &[("AWS_REGION", "eu-west-1")]).await;
    assert!(said.starts_with("Denied: ") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    assert!(fake.calls("BatchGetItem").is_empty());
}

#[tokio::test]
async fn without_a_region_the_setting_is_named() {
    let fake = with_a_row().await;
    let (said, _) = child(&fake, &[("AWS_ACCESS_KEY_ID", "variables"), ("AWS_SECRET_ACCESS_KEY", "s")]).await;
    assert!(said.starts_with("Invalid: ") && said.contains("online_store.region"), "{said}");
}
