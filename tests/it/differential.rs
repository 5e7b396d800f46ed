//! A few thousand generated pairs; `cargo run -p assize-tests --release --bin differential` runs as many as wanted.

use assize_tests::differential::run;

#[test]
fn engine_and_reference_agree_on_generated_cases() {
    let report = run(2026, 6_000, 2, 3);
    assert_eq!(report.differences, 0, "{report}");
    assert_eq!(report.gaps(), Vec::<String>::new());
}

#[test]
fn a_seed_gives_the_same_cases_on_any_number_of_threads() {
    let (one, two) = (run(7, 400, 1, 0), run(7, 400, 2, 0));
    assert_eq!(one.to_string(), two.to_string());
}
