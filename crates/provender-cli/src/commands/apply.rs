//! `plan` and `apply`.

use super::Outcome;
use crate::app::App;
use crate::output;
use clap::Args;
use provender::engine::{ApplyOptions, InfraAction, ObjectAction, Plan};
use std::process::ExitCode;

/// Options that plan and apply share.
#[derive(Debug, Args)]
struct Scope {
    /// Keep objects that the repository no longer declares
    #[arg(long)]
    no_delete: bool,
    /// Do not look at the sources: no schema inference, no check of declared schemas
    #[arg(long)]
    skip_source_validation: bool,
}

impl Scope {
    fn options(&self, expected: Option<String>) -> ApplyOptions {
        ApplyOptions {
            delete: !self.no_delete,
            expected,
            skip_source_validation: self.skip_source_validation,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  provender -c shop plan --output json")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    scope: Scope,
}

impl PlanArgs {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let plan = store.plan(&app.definitions(&store)?, &self.scope.options(None)).await?;
        show(app, &plan, false);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provender -c shop apply\n  provender -c shop apply --plan 3f9c2ab41d07      (only if nothing has changed since that plan)"
)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    scope: Scope,
    /// Refuse unless the plan still has this id
    #[arg(long, value_name = "ID")]
    plan: Option<String>,
    /// Accepted for Feast's sake; apply shows no progress bar
    #[arg(long, hide = true)]
    no_progress: bool,
}

impl ApplyArgs {
    pub(crate) async fn run(&self, app: &App) -> Outcome {
        let store = app.store().await?;
        let applied = store.apply(&app.definitions(&store)?, &self.scope.options(self.plan.clone())).await?;
        show(app, &applied.plan, true);
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints a plan, or what was done by it.
pub(super) fn show(app: &App, plan: &Plan, done: bool) {
    if app.json() {
        output::json(&plan.to_json());
        return;
    }
    if plan.is_empty() {
        output::line(&format!("Project {}: no changes", plan.project));
    } else {
        rows(plan);
        summary(plan, done);
    }
    if !done {
        output::line(&format!("Plan {}", plan.id));
    }
}

fn rows(plan: &Plan) {
    let mut rows = Vec::new();
    for change in &plan.objects {
        let action = match change.action {
            ObjectAction::Create => "create",
            ObjectAction::Update => "update",
            ObjectAction::Delete => "delete",
        };
        rows.push(vec![action.to_owned(), change.kind.to_string(), change.name.clone(), String::new()]);
        for field in &change.fields {
            let value = |v: &Option<String>| v.clone().unwrap_or_else(|| "(none)".to_owned());
            rows.push(vec![
                String::new(),
                String::new(),
                format!("  {}", field.field),
                format!("{} -> {}", value(&field.before), value(&field.after)),
            ]);
        }
    }
    for change in &plan.infra {
        let action = match change.action {
            InfraAction::Create => "create",
            InfraAction::Alter => "alter",
            InfraAction::Drop => "drop",
        };
        let note = match change.removed {
            Some(rows) => format!("values of {} removed", output::plural(rows, "row")),
            None if change.destructive => "served values are lost".to_owned(),
            None => String::new(),
        };
        rows.push(vec![action.to_owned(), "online".to_owned(), change.name.clone(), note]);
    }
    output::table(&["action", "kind", "name", "change"], &rows, &[]);
}

fn summary(plan: &Plan, done: bool) {
    let objects = |action| plan.objects.iter().filter(|c| c.action == action).count();
    output::line(&format!(
        "Project {}: {} {}created, {} updated, {} deleted; {}{}",
        plan.project,
        output::plural(objects(ObjectAction::Create) as u64, "object"),
        if done { "" } else { "to be " },
        objects(ObjectAction::Update),
        objects(ObjectAction::Delete),
        output::plural(plan.infra.len() as u64, "online change"),
        if plan.infra.iter().any(|c| c.destructive) { ", destructive" } else { "" },
    ));
}
