use super::*;
use arrow_schema::Field;

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

#[test]
fn every_type_gives_back_the_values_that_it_was_made_of() {
    use DataType as D;
    let ints = [Cell::Int(1), Cell::Null, Cell::Int(3)];
    let texts = [Cell::Text("a".into()), Cell::Null, Cell::Text(String::new())];
    let times = [Cell::Time(86_400_000_000), Cell::Null, Cell::Time(-86_400_000_000)];
    let bytes = [Cell::Bytes(vec![0, 255]), Cell::Null, Cell::Bytes(vec![])];
    let floats = [Cell::float(0.5), Cell::Null, Cell::float(f64::NAN)];
    let bools = [Cell::Bool(true), Cell::Null, Cell::Bool(false)];
    let lists = [Cell::List(ints.to_vec()), Cell::Null, Cell::List(vec![])];
    let utf8 = || Box::new(D::Utf8);
    for (types, values) in [
        (vec![D::Int8, D::Int16, D::Int32, D::Int64, D::UInt8, D::UInt16, D::UInt32, D::UInt64], &ints),
        (vec![D::Utf8, D::LargeUtf8, D::Utf8View, D::Dictionary(Box::new(D::Int32), utf8())], &texts),
        (vec![D::Binary, D::LargeBinary, D::BinaryView], &bytes),
        (vec![D::Float32, D::Float64], &floats),
        (vec![D::Boolean], &bools),
        (vec![D::List(item(D::Int64)), D::List(item(D::Int16))], &lists),
        (vec![D::Date32], &times),
    ] {
        for data_type in types {
            let array = array(&data_type, values).unwrap();
            assert_eq!(array.data_type(), &data_type);
            assert_eq!(cells(&array).unwrap(), values, "{data_type}");
        }
    }
}

#[test]
fn an_instant_is_the_same_in_every_unit_and_zone() {
    let values = [Cell::Time(-1_000_000), Cell::Null, Cell::Time(1_767_268_800_000_000)];
    for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
        for zone in [None, Some("UTC"), Some("+05:30"), Some("America/New_York")] {
            let data_type = DataType::Timestamp(unit, zone.map(Into::into));
            let array = array(&data_type, &values).unwrap();
            assert_eq!(array.data_type(), &data_type);
            assert_eq!(cells(&array).unwrap(), values);
        }
    }
}
