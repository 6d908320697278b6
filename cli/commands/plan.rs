//! `berth plan`: solve, verify, print.

use crate::arguments::Plan as Arguments;
use crate::commands::{request, waves, with_session};
use crate::disk::{Disk, root, same_file, write};
use crate::measured::processor_and_memory;
use crate::render::failure::Failure;
use crate::render::progress::Line;
use crate::render::{diagnostics, plan as rendered};
use berth_compiler::plan::judged::NOT_YET;
use berth_compiler::plan::{Plan, Status};
use berth_compiler::session::Planned;
use berth_compiler::solving::Request;
use berth_compiler::state::State;
use berth_language::diagnostics::Diagnostic;
use berth_language::model::Target;
use berth_targets::kubernetes::connection::Connection;
use berth_targets::kubernetes::emission::{Form, HEADER, files};
use berth_targets::kubernetes::observation::Seen;
use berth_targets::kubernetes::placement::meant;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let path = root(&arguments.file);
    let (drained, observed) = (drained(arguments, &path)?, observed(arguments, &path)?);
    if let Some(folder) = &arguments.waves {
        return waves::run(arguments, folder, &path, &drained, observed.as_ref());
    }
    let mut line = Line::default();
    let planned = with_session(|session| {
        let request = Request { relax: arguments.relax, ..request(&arguments.search, None) };
        session.plan_from(&path, &drained, observed.as_ref(), &request, &mut |progress| line.show(&progress))
    });
    line.clear();
    let mut planned = planned?;
    (planned.plan.solve.cpu_s, planned.plan.solve.peak_bytes) = processor_and_memory();
    print_diagnostics(&planned);
    if observed.is_some() && planned.stages.observed.is_none() {
        return Err(Failure::NoTarget);
    }
    let plan = &planned.plan;
    let emitted = arguments.emit.as_deref().map(Emission::asked).transpose()?;
    if let Some(output) = arguments.output.as_ref().filter(|_| decides(plan)) {
        if plan.inputs.iter().any(|input| same_file(output, Path::new(&input.path))) {
            return Err(Failure::Overwrites(output.clone()));
        }
        write(output, &plan.to_json()).map_err(|error| Failure::write(output, &error))?;
    }
    if let Some(emission) = emitted.filter(|_| decides(plan)) {
        emission.write(plan)?;
    }
    if arguments.json {
        print!("{}", plan.to_json());
    } else if plan.status == Status::Infeasible {
        let alone = if arguments.relax > 0 && plan.concessions.is_empty() {
            "No line was found that is a way out alone."
        } else {
            ""
        };
        let turns = if rendered::count_of(&plan.drained) > 1 {
            "Not all nodes can be empty at once: `--waves FOLDER` empties them in turns, where each can be."
        } else {
            ""
        };
        print_conflict(&planned, &[turns, alone]);
    } else {
        print!("{}", rendered::text(plan));
    }
    if plan.status == Status::Unknown {
        return Err(Failure::NoPlan(planned.because.unwrap_or_default()));
    }
    Ok(exit_code(plan, &arguments.allow_unjudged))
}

/// What the files were warned of. What the plan itself says is not judged is said once, by the plan.
pub fn print_diagnostics(Planned { plan, stages, values: _, because: _ }: &Planned) {
    let repeated = |found: &Diagnostic| {
        found.code == NOT_YET
            && found.labels.first().is_some_and(|label| {
                let (line, _) = stages.sources.position(label.span);
                plan.requirements.iter().any(|entry| entry.met.is_none() && entry.line == line)
            })
    };
    let found: Vec<Diagnostic> =
        stages.diagnostics.iter().filter(|found| !repeated(found)).cloned().collect();
    diagnostics::print(&stages.sources, &found);
}

/// Why there is no plan; `more` is said beside.
pub fn print_conflict(Planned { plan, stages, values: _, because }: &Planned, more: &[&str]) {
    // What was left out might have made room, or have made it worse: the answer is about the rest.
    let partly = (!stages.program.not_yet.is_empty())
        .then_some("Lines that are not acted on yet were left out; with them the answer may differ.");
    let first = because.as_deref().or(partly).unwrap_or_default();
    let said = [first].into_iter().chain(more.iter().copied());
    let said: Vec<&str> = said.filter(|said| !said.is_empty()).collect();
    let said = Some(said.join("\n")).filter(|said| !said.is_empty());
    rendered::print_conflict(&stages.sources, plan, said.as_deref());
}

/// The addresses of the nodes that are to be emptied.
fn drained(arguments: &Arguments, path: &str) -> Result<BTreeSet<String>, Failure> {
    let mut drained = BTreeSet::new();
    if arguments.drain.is_empty() {
        return Ok(drained);
    }
    // What is wrong with the file is said where it is planned.
    let Some(program) = berth_language::check(path, &Disk).program else { return Ok(drained) };
    for text in &arguments.drain {
        let nodes = meant(&program, text);
        if nodes.is_empty() {
            return Err(Failure::NoNode(text.clone()));
        }
        drained.extend(nodes.into_iter().map(|node| program.nodes[node].name.clone()));
    }
    Ok(drained)
}

/// What runs now, where somebody asked for that to count, and where it was seen.
fn observed(arguments: &Arguments, path: &str) -> Result<Option<(State, String)>, Failure> {
    if let Some(file) = &arguments.state {
        let bytes = std::fs::read(file).map_err(|error| Failure::read(file, &error))?;
        let not_a_state = |because: String| Failure::NotAState(file.clone(), because);
        let text = String::from_utf8(bytes).map_err(|_| not_a_state("it is not UTF-8 text".into()))?;
        let state = State::from_json(&text).map_err(|error| not_a_state(error.to_string()))?;
        return Ok(Some((state, file.display().to_string())));
    }
    if !arguments.live {
        return Ok(None);
    }
    let checked = berth_language::check(path, &Disk);
    // What is wrong with the file is said where it is planned.
    let Some(program) = checked.program else { return Ok(None) };
    let Some(Target::Kubernetes(cluster)) = program.plan.target.map(|target| target.value) else {
        return Err(Failure::NoTarget);
    };
    let connection = Connection::open(cluster.context.as_deref()).map_err(Failure::Cluster)?;
    let seen = Seen::look(&connection).map_err(Failure::Cluster)?;
    Ok(Some((seen.state(), "live".into())))
}

/// `--emit yaml FOLDER`
struct Emission<'a> {
    form: Form,
    folder: &'a Path,
}

impl<'a> Emission<'a> {
    fn asked(arguments: &'a [String]) -> Result<Self, Failure> {
        let [form, folder] = arguments else { return Err(Failure::NoForm(arguments.join(" "))) };
        let known = Form::ALL.iter().find(|(name, _)| name == form);
        match known {
            Some((_, form)) => Ok(Self { form: *form, folder: Path::new(folder) }),
            None => Err(Failure::NoForm(form.clone())),
        }
    }

    /// Writes the files, and removes those that were written before and are not any more. Others stay.
    fn write(&self, plan: &Plan) -> Result<(), Failure> {
        if plan.target.is_none() {
            return Err(Failure::NoTarget);
        }
        if let Some(unwritten) = plan.unwritten.first() {
            return Err(Failure::Unwritten(unwritten.clone()));
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error: std::io::Error| Failure::write(&path, &error)
        };
        std::fs::create_dir_all(self.folder).map_err(failed(self.folder))?;
        let files = files(plan, self.form);
        // All or none.
        let theirs = files.keys().map(|name| self.folder.join(name));
        if let Some(path) = theirs.into_iter().find(|path| path.exists() && !is_emitted(path)) {
            return Err(Failure::NotEmitted(path));
        }
        for (name, text) in &files {
            let path = self.folder.join(name);
            write(&path, text).map_err(failed(&path))?;
        }
        for entry in std::fs::read_dir(self.folder).map_err(failed(self.folder))?.flatten() {
            let path = entry.path();
            let named = path.extension().is_some_and(|extension| extension == "yaml");
            let stays = files.contains_key(&entry.file_name().to_string_lossy().into_owned());
            if named && !stays && is_emitted(&path) {
                std::fs::remove_file(&path).map_err(failed(&path))?;
            }
        }
        Ok(())
    }
}

/// The file says that it was written here.
fn is_emitted(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(HEADER.as_bytes()))
}

/// 0 where every requirement holds, or is allowed not to be judged.
pub fn exit_code(plan: &Plan, allowed: &[String]) -> ExitCode {
    let judged = plan.requirements.iter().all(|entry| match entry.met {
        Some(met) => met,
        None => entry.code.as_ref().is_some_and(|code| allowed.contains(code)),
    });
    if decides(plan) && judged { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Only a plan that decides something is written: it would replace one that does.
pub fn decides(plan: &Plan) -> bool {
    matches!(plan.status, Status::Optimal | Status::Feasible | Status::Partial)
}
