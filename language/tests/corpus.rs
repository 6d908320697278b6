//! What fuzzing kept, in an ordinary run: each text of `tests/fuzz/corpus` keeps all three laws.

#[path = "../../tests/fuzz/laws.rs"]
mod laws;

#[path = "support/texts.rs"]
mod texts;

#[test]
fn the_corpus_keeps_the_laws() {
    for (name, law) in [("parse", laws::parse as fn(&[u8])), ("format", laws::format), ("check", laws::check)]
    {
        let folder = texts::of_repository(&format!("tests/fuzz/corpus/{name}"));
        let texts = std::fs::read_dir(folder).expect("the corpus is here");
        let mut count = 0;
        for text in texts {
            let bytes = std::fs::read(text.expect("an entry of a folder").path()).expect("a text");
            law(&bytes);
            count += 1;
        }
        assert!(count >= 20, "only {count} texts for {name}");
    }
}
