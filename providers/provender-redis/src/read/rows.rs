//! From values in replies to rows of views.

use super::command::Group;
use super::exchange::Replies;
use super::packed::Unpacking;
use crate::error::damaged;
use crate::layout::time::event;
use crate::schemas::Schemas;
use crate::state::Form;
use provender_core::online::{Cell, CellPlace, NO_CELL, OnlineRows, ViewRead, ViewRows};
use provender_core::{RequestContext, Result, Timestamp};
use std::sync::Arc;

/// The rows of all views, in the order of the request.
pub(super) async fn rows(
    views: &[ViewRead],
    groups: &[Group],
    mut replies: Replies,
    form: Form,
    schemas: &Schemas,
    context: &RequestContext,
) -> Result<OnlineRows> {
    let places = places(views, groups);
    if form == Form::Feast {
        return feast(views, &places, &mut replies);
    }
    let mut rows = OnlineRows::default();
    for (view, (place, fingerprint)) in views.iter().zip(places) {
        let unpacking = Unpacking { view, place, fingerprint, form, replies: &replies };
        rows.views.push(unpacking.rows(schemas, context).await?);
    }
    Ok(rows)
}

/// Where the values of each view are among those of all groups, and the fingerprint of its features.
fn places(views: &[ViewRead], groups: &[Group]) -> Vec<(CellPlace, u32)> {
    let mut places = vec![(CellPlace { first: 0, stride: 0, features: 0 }, 0); views.len()];
    let mut start = 0;
    for group in groups {
        let stride = group.fields.width;
        for (index, columns) in group.views.iter().zip(&group.fields.columns) {
            let features = views[*index].features.len();
            places[*index] =
                (CellPlace { first: start + columns.first, stride, features }, columns.fingerprint);
        }
        start += group.rows() * stride;
    }
    places
}

/// Rows of Feast's layout: of each view its features, then its event time. The cells stay where they are.
fn feast(views: &[ViewRead], places: &[(CellPlace, u32)], replies: &mut Replies) -> Result<OnlineRows> {
    let mut all_times = Vec::with_capacity(views.len());
    for (view, (place, _)) in views.iter().zip(places) {
        all_times.push(times(view, *place, replies)?);
    }
    let (data, cells) = (std::mem::take(&mut replies.data), Arc::new(std::mem::take(&mut replies.cells)));
    let rows = |((place, _), times): (&(CellPlace, u32), _)| {
        ViewRows::within(data.clone(), times, Arc::clone(&cells), *place)
    };
    let views = places.iter().zip(all_times).map(rows).collect::<Result<_>>()?;
    Ok(OnlineRows { views })
}

/// Event times of a view's rows. A row without one is not there, whatever else is.
fn times(view: &ViewRead, place: CellPlace, replies: &mut Replies) -> Result<Vec<Option<Timestamp>>> {
    let mut times = Vec::with_capacity(view.keys.len());
    for row in 0..view.keys.len() {
        let start = place.first + row * place.stride;
        let cells = &mut replies.cells[start..=start + place.features];
        let time = time(&replies.data, cells[place.features], view, row)?;
        if time.is_none() {
            cells.fill(NO_CELL);
        }
        times.push(time);
    }
    Ok(times)
}

/// An event time of Feast's layout.
pub(super) fn time(data: &[u8], cell: Cell, view: &ViewRead, row: usize) -> Result<Option<Timestamp>> {
    match cell {
        NO_CELL => Ok(None),
        cell => match event(slice(data, cell)) {
            Some(time) => Ok(Some(time)),
            None => Err(damaged("the event time of a row is not one", view, row)),
        },
    }
}

/// The bytes of a value that is there.
pub(super) fn slice(data: &[u8], cell: Cell) -> &[u8] {
    &data[cell.0 as usize..cell.0 as usize + cell.1 as usize]
}
