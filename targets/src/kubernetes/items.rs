//! What a plan runs in a cluster: services, which go on, and jobs, which end.

use berth_compiler::jobs::jobs;
use berth_language::model::{Container, Fact, Job, Label, Program, Service};
use berth_language::span::Span;

/// A service or a job.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// It goes on.
    Service(&'a Service),
    /// It ends.
    Job(&'a Job),
}

impl<'a> Item<'a> {
    /// All of a program that are planned, by the index that a problem gives them.
    pub fn all(program: &'a Program) -> Vec<Self> {
        let services = program.services.iter().map(Self::Service);
        services.chain(jobs(program).map(|(_, job)| Self::Job(job))).collect()
    }

    /// Its address.
    pub fn name(self) -> &'a str {
        match self {
            Self::Service(service) => &service.name,
            Self::Job(job) => &job.name,
        }
    }

    /// The head of its block.
    pub fn span(self) -> Span {
        match self {
            Self::Service(service) => service.span,
            Self::Job(job) => job.span,
        }
    }

    /// Higher is satisfied first.
    pub fn priority(self) -> &'a Fact<i64> {
        match self {
            Self::Service(service) => &service.priority,
            Self::Job(job) => &job.priority,
        }
    }

    /// How its container is run.
    pub fn container(self) -> &'a Container {
        match self {
            Self::Service(service) => &service.container,
            Self::Job(job) => &job.container,
        }
    }

    /// Taints that do not keep it away.
    pub fn tolerations(self) -> Option<&'a Fact<Vec<Label>>> {
        match self {
            Self::Service(service) => service.tolerations.as_ref(),
            Self::Job(job) => job.tolerations.as_ref(),
        }
    }

    /// It runs in an object that somebody else has written.
    pub fn is_filled_in(self) -> bool {
        match self {
            Self::Service(service) => service.template.is_some() || service.adopt.is_some(),
            Self::Job(job) => job.template.is_some(),
        }
    }

    /// Its replicas have data of their own.
    pub fn is_stateful(self) -> bool {
        match self {
            Self::Service(service) => service.stateful.as_ref().is_some_and(|stateful| stateful.value),
            Self::Job(_) => false,
        }
    }
}
