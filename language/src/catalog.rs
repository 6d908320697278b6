//! What ships with the program, in its own language: hardware and models, each fact with a source.

/// Names and texts, sorted by name.
static FILES: [(&str, &str); 6] = [
    ("amd", include_str!("../catalog/amd.berth")),
    ("clouds", include_str!("../catalog/clouds.berth")),
    ("cpu", include_str!("../catalog/cpu.berth")),
    ("intel", include_str!("../catalog/intel.berth")),
    ("models", include_str!("../catalog/models.berth")),
    ("nvidia", include_str!("../catalog/nvidia.berth")),
];

/// The bytes of the shipped file at `path`, as [`path`](path()) gives it.
pub fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(name, _)| path == full_path(name)).map(|(_, text)| text.as_bytes())
}

/// Where `use catalog.nvidia` leads: `catalog/nvidia.berth`.
pub fn path(parts: &[String]) -> Option<String> {
    let [catalog, name] = parts else { return None };
    let known = FILES.iter().any(|(known, _)| known == name);
    (catalog == "catalog" && known).then(|| full_path(name))
}

/// What may follow `use`: `catalog.nvidia`.
pub fn names() -> impl Iterator<Item = String> {
    FILES.iter().map(|(name, _)| format!("catalog.{name}"))
}

fn full_path(name: &str) -> String {
    format!("catalog/{name}.berth")
}
