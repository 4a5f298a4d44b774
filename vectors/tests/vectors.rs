//! Three bundles of directions, and one that is alone.

#![allow(clippy::unwrap_used, missing_docs)]

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vectors::{Method, Point, cluster, nearest, outliers, project, svg};

const WIDTH: usize = 64;

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= norm);
    vector
}

/// `count` vectors around each of three axes, taking turns; the last one stands alone.
fn bundles(count: usize) -> Vec<Vec<f32>> {
    let mut random = StdRng::seed_from_u64(7);
    let mut around = |axis: usize| {
        let noise = (0..WIDTH)
            .map(|at| random.random_range(-0.05..0.05) + if at == axis { 1.0 } else { 0.0 });
        unit(noise.collect())
    };
    let mut all: Vec<_> = (0..count * 3).map(|at| around(at % 3)).collect();
    all.push(around(9));
    all
}

#[test]
fn the_nearest_come_first() {
    let all = bundles(10);
    let near = nearest(&all[4], &all, 10);
    assert_eq!(near[0].at, 4);
    assert!((near[0].cosine - 1.0).abs() < 1e-5);
    assert!(near.iter().all(|near| near.at % 3 == 1), "{near:?}");
    assert!(near.is_sorted_by(|a, b| a.cosine >= b.cosine));
    assert_eq!(nearest(&all[0], &all, 1000).len(), all.len());
}

#[test]
fn groups_are_found_by_either_method() {
    let mut all = bundles(20);
    all.pop();
    let names = ["apples and pears", "red cars drive", "blue seas swell"];
    let texts: Vec<&str> = (0..all.len()).map(|at| names[at % 3]).collect();
    for method in [Method::Kmeans(Some(3)), Method::Kmeans(None), Method::Density(5)] {
        let found = cluster(&all, &texts, method);
        assert_eq!(found.groups.len(), 3, "{method:?}");
        for group in &found.groups {
            let kind = group.representative % 3;
            assert_eq!(group.members.len(), 20, "{method:?}");
            assert!(group.members.iter().all(|at| at % 3 == kind), "{method:?}");
            assert!(group.label.split(", ").all(|word| names[kind].contains(word)));
            assert!(group.cohesion > 0.9);
        }
    }
}

#[test]
fn what_lies_between_dense_places_is_in_no_group() {
    let found = cluster(&bundles(20), &["x"; 61], Method::Density(5));
    assert_eq!(found.of.iter().filter(|of| of.is_none()).count(), 1);
    assert_eq!(found.of[60], None);
}

#[test]
fn what_stands_alone_is_the_most_unusual() {
    let mut done = 0;
    let scores = outliers(&bundles(10), &mut |now| done = now);
    let most = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    assert_eq!((most, done), (Some(30), 31));
    assert!(scores[30] > 0.7 && scores[..30].iter().all(|score| *score < 0.3), "{scores:?}");
}

#[test]
fn few_and_equal_vectors_are_no_trouble() {
    let one = unit(vec![1.0; WIDTH]);
    for count in 0..4 {
        let same = vec![one.clone(); count];
        assert_eq!(outliers(&same, &mut |_| {}).len(), count);
        assert_eq!(project(&same, 2), vec![vec![0.0, 0.0]; count]);
        for method in [Method::Kmeans(None), Method::Kmeans(Some(9)), Method::Density(5)] {
            let found = cluster(&same, &vec!["a text"; count], method);
            assert_eq!(found.of.len(), count);
        }
    }
}

#[test]
fn a_map_keeps_bundles_apart() {
    let all = bundles(10);
    let points = project(&all, 2);
    let distance = |a: &[f32], b: &[f32]| (a[0] - b[0]).hypot(a[1] - b[1]);
    assert!(distance(&points[0], &points[3]) < 0.4);
    assert!(distance(&points[0], &points[1]) > 0.6);
}

#[test]
fn a_text_is_no_markup_in_a_map() {
    let text = "<script>alert(1)</script>\u{7}".to_string();
    let point = Point { at: (0.0, 0.0), group: Some(0), weight: 1.0, text: text.clone() };
    let drawn = svg(&[point], &[text]);
    assert!(!drawn.contains("<script>") && drawn.contains("&lt;script&gt;"), "{drawn}");
    assert!(!drawn.contains("NaN") && !drawn.contains('\u{7}'), "{drawn}");
}
