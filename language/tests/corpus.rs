//! What fuzzing found worth keeping, in an ordinary run: each text of `tests/fuzz/texts` keeps all laws.

#[path = "../../tests/fuzz/laws.rs"]
mod laws;

#[path = "support/texts.rs"]
mod texts;

#[test]
fn the_kept_texts_keep_the_laws() {
    let folder = std::fs::read_dir(texts::of_repository("tests/fuzz/texts")).expect("the texts are here");
    let mut count = 0;
    for text in folder {
        let path = text.expect("an entry of a folder").path();
        let bytes = std::fs::read(&path).expect("a text");
        let outcome = std::panic::catch_unwind(|| {
            laws::parse(&bytes);
            laws::format(&bytes);
            laws::check(&bytes);
        });
        assert!(outcome.is_ok(), "{} breaks the law above", path.display());
        count += 1;
    }
    assert!(count > 100, "only {count} texts");
}
