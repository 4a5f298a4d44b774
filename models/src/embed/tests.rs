//! How an encoder's tokens become one vector.

use super::encoder::pooled;
use crate::import::Pooling;

#[test]
fn padding_is_in_no_vector() {
    let states = [1.0, 2.0, 3.0, 4.0, 100.0, 100.0];
    assert_eq!(pooled(&states, 2, 2, Pooling::Mean), [2.0, 3.0]);
    assert_eq!(pooled(&states, 2, 2, Pooling::First), [1.0, 2.0]);
    assert_eq!(pooled(&states, 2, 2, Pooling::Last), [3.0, 4.0]);
}
