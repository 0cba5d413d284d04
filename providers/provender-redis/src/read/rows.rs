//! From values in replies to rows of views.

use super::command::Group;
use super::exchange::Replies;
use crate::error::damaged;
use crate::layout::time::event;
use provender_core::online::{Cell, CellPlace, NO_CELL, OnlineRows, ViewRead, ViewRows};
use provender_core::{Result, Timestamp};
use std::sync::Arc;

/// Rows of Feast's layout: of each view its features, then its event time.
pub(super) fn feast(views: &[ViewRead], groups: &[Group], mut replies: Replies) -> Result<OnlineRows> {
    let mut places: Vec<Option<(CellPlace, Vec<Option<Timestamp>>)>> = views.iter().map(|_| None).collect();
    let mut start = 0;
    for group in groups {
        let stride = group.fields.width;
        for (index, first) in group.views.iter().zip(&group.fields.firsts) {
            let view = &views[*index];
            let place = CellPlace { first: start + first, stride, features: view.features.len() };
            let times = times(view, place, &mut replies)?;
            places[*index] = Some((place, times));
        }
        start += group.rows() * stride;
    }
    let (data, cells) = (replies.data, Arc::new(replies.cells));
    let rows = |(place, times)| ViewRows::within(data.clone(), times, Arc::clone(&cells), place);
    let views = places.into_iter().flatten().map(rows).collect::<Result<_>>()?;
    Ok(OnlineRows { views })
}

/// Event times of a view's rows. A row without one is not there, whatever else is.
fn times(view: &ViewRead, place: CellPlace, replies: &mut Replies) -> Result<Vec<Option<Timestamp>>> {
    let mut times = Vec::with_capacity(view.keys.len());
    for row in 0..view.keys.len() {
        let start = place.first + row * place.stride;
        let cells = &mut replies.cells[start..=start + place.features];
        let time = match cells[place.features] {
            NO_CELL => {
                cells.fill(NO_CELL);
                None
            }
            cell => {
                let time = event(slice(&replies.data, cell));
                Some(time.ok_or_else(|| damaged("the event time of a row is not one", view, row))?)
            }
        };
        times.push(time);
    }
    Ok(times)
}

fn slice(data: &[u8], cell: Cell) -> &[u8] {
    &data[cell.0 as usize..cell.0 as usize + cell.1 as usize]
}
