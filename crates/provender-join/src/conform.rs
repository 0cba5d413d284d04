//! Values of a file brought to the type that its table gives them.

use crate::table::position;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ListArray, MapArray, StructArray, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields};
use provender_core::{Error, Result};
use std::sync::Arc;

/// Whether values of a file's type may stand for a table's: a type that holds no more than the other.
pub(crate) fn widens(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    let text = |t: &DataType| matches!(t, D::Utf8 | D::LargeUtf8 | D::Utf8View);
    let bytes =
        |t: &DataType| matches!(t, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_));
    let decimal = |t: &DataType| {
        matches!(t, D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..))
    };
    match (from, to) {
        (from, to) if from.equals_datatype(to) => true,
        (D::Null, _) => true,
        (D::Struct(_), D::Struct(_)) | (D::Map(..), D::Map(..)) => true,
        (D::List(_) | D::LargeList(_) | D::FixedSizeList(..), D::List(_)) => true,
        (D::Date32 | D::Date64 | D::Timestamp(..), D::Timestamp(..)) => true,
        (D::Float32, D::Float64) => true,
        // Whether each value fits is seen as it is read.
        (from, to) if from.is_integer() => to.is_integer() || to.is_floating() || decimal(to),
        (from, to) => {
            (text(from) && text(to)) || (bytes(from) && bytes(to)) || (decimal(from) && decimal(to))
        }
    }
}

/// The values of a column as its table has them: nested fields found by name or id and put in order, those that the file lacks null, narrower types widened.
///
/// # Errors
/// `Invalid` for a type or value that does not fit.
pub(crate) fn conform(array: &ArrayRef, stored: &Field, target: &DataType) -> Result<ArrayRef> {
    if array.data_type() == target {
        return Ok(Arc::clone(array));
    }
    match (array.data_type(), stored.data_type(), target) {
        (DataType::Struct(_), DataType::Struct(stored), DataType::Struct(target)) => {
            conform_struct(array.as_struct(), stored, target)
        }
        (DataType::List(_), DataType::List(stored), DataType::List(target)) => {
            conform_list(array.as_list::<i32>(), stored, target)
        }
        (DataType::LargeList(item) | DataType::FixedSizeList(item, _), _, DataType::List(_)) => {
            let list = cast_exactly(array, &DataType::List(Arc::clone(item)))?;
            conform(&list, stored, target)
        }
        (DataType::Map(..), DataType::Map(stored, _), DataType::Map(target, sorted)) => {
            conform_map(array.as_map(), stored, target, *sorted)
        }
        (from, ..) if widens(from, target) => cast_exactly(array, target),
        (from, ..) => Err(Error::invalid("the file's type is not the table's")
            .with("column", stored.name())
            .with("type", from)
            .with("expected", target)),
    }
}

/// Every value is kept, or there is an error.
fn cast_exactly(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, target, &options).map_err(|cause| {
        Error::invalid("a value of the file does not fit the table's type")
            .with("type", array.data_type())
            .with("expected", target)
            .because(cause)
    })
}

fn conform_struct(array: &StructArray, stored: &Fields, target: &Fields) -> Result<ArrayRef> {
    let children = stored.iter().zip(target).map(|(stored, target)| match position(array.fields(), stored) {
        Some(at) => conform(array.column(at), stored, target.data_type()),
        None => Ok(new_null_array(target.data_type(), array.len())),
    });
    let (children, nulls) = (children.collect::<Result<Vec<_>>>()?, array.nulls().cloned());
    Ok(Arc::new(StructArray::try_new_with_length(target.clone(), children, nulls, array.len())?))
}

fn conform_list(array: &ListArray, stored: &FieldRef, target: &FieldRef) -> Result<ArrayRef> {
    let values = conform(array.values(), stored, target.data_type())?;
    let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(Arc::clone(target), offsets, values, nulls)?))
}

/// Keys and values are told apart by their order.
fn conform_map(array: &MapArray, stored: &FieldRef, target: &FieldRef, sorted: bool) -> Result<ArrayRef> {
    let (DataType::Struct(stored), DataType::Struct(fields)) = (stored.data_type(), target.data_type())
    else {
        return Err(Error::internal("a map whose entries are no pairs"));
    };
    let columns = [array.keys(), array.values()];
    let columns = columns.into_iter().zip(stored.iter().zip(fields));
    let columns = columns.map(|(array, (stored, field))| conform(array, stored, field.data_type()));
    let entries = StructArray::try_new(
        fields.clone(),
        columns.collect::<Result<_>>()?,
        array.entries().nulls().cloned(),
    )?;
    let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
    Ok(Arc::new(MapArray::try_new(Arc::clone(target), offsets, entries, nulls, sorted)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::FIELD_ID;
    use arrow_array::types::{Int32Type, Int64Type};
    use arrow_array::{Int32Array, Int64Array, StringArray};

    fn field(name: &str, data_type: DataType, id: &str) -> FieldRef {
        let metadata = [(FIELD_ID.to_owned(), id.to_owned())].into();
        Arc::new(Field::new(name, data_type, true).with_metadata(metadata))
    }

    #[test]
    fn nested_fields_are_found_by_id_widened_and_null_where_the_file_lacks_them() {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(vec!["a"])), Arc::new(Int32Array::from(vec![7]))];
        let file = Fields::from(vec![field("x1", DataType::Utf8, "5"), field("x2", DataType::Int32, "6")]);
        let array: ArrayRef = Arc::new(StructArray::try_new(file, columns, None).unwrap());
        let stored = Fields::from(vec![
            field("n", DataType::Int64, "6"),
            field("new", DataType::Int64, "9"),
            field("w", DataType::Utf8, "5"),
        ]);
        let target = Fields::from(vec![
            Field::new("count", DataType::Int64, true),
            Field::new("new", DataType::Int64, true),
            Field::new("word", DataType::Utf8, true),
        ]);
        let stored = Field::new("s", DataType::Struct(stored), true);
        let found = conform(&array, &stored, &DataType::Struct(target)).unwrap();
        let found = found.as_struct();
        assert_eq!(found.column(0).as_primitive::<Int64Type>().value(0), 7);
        assert!(found.column(1).is_null(0));
        assert_eq!(found.column_names(), ["count", "new", "word"]);
    }

    #[test]
    fn items_of_lists_are_widened() {
        let array = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let item = Arc::new(Field::new("element", DataType::Int64, true));
        let target = DataType::List(item);
        let found = conform(&(Arc::new(array) as ArrayRef), &Field::new("l", target.clone(), true), &target);
        let found = found.unwrap();
        assert_eq!(
            found.as_list::<i32>().value(0).as_primitive::<Int64Type>(),
            &Int64Array::from(vec![Some(1), None])
        );
        assert!(found.is_null(1) && *found.data_type() == target);
    }

    #[test]
    fn other_types_and_values_that_do_not_fit_are_refused() {
        let refused = |array: ArrayRef, target: DataType| {
            conform(&array, &Field::new("c", target.clone(), true), &target).unwrap_err().to_string()
        };
        let words = Arc::new(StringArray::from(vec!["1"]));
        assert!(refused(words, DataType::Int64).contains("expected: Int64"));
        let large = Arc::new(Int64Array::from(vec![i64::MAX]));
        assert!(refused(large, DataType::Int32).contains("does not fit"));
    }
}
