//! Codes of targets, and of how a target runs a service.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "target::refused",
        "the target would refuse this",
        "\
Names, ports, paths and times of a container go into the objects of a target as they are written, so they follow its
rules. What Kubernetes would refuse is said here, at the line that says it, rather than by an API server later.",
        "\
service shop {
    image = \"example/shop:4.2\"
    ports = [HTTP: 8080]
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    ports = [http: 8080]
}",
    ),
    code(
        "target::no-template",
        "a template that cannot be read",
        "\
`template` names a file with a Deployment or StatefulSet of yours, into which what the plan decides is filled. It is read as
plan files are, from disk, relative to the file that names it, and is one of the plan's inputs.",
        "\
service shop {
    cpu = 1 core
    memory = 1GiB
    template = \"base/shop.yaml\"
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    cpu = 1 core
    memory = 1GiB
}",
    ),
    code(
        "target::no-port",
        "a probe asks at a port that is not there",
        "\
A probe may name a port by the name that `ports` gives it. A name that is not among them would never be answered: no
replica would become ready.",
        "\
service shop {
    image = \"example/shop:4.2\"
    readiness_probe = http_get(\"/ready\", port = http)
}",
        "\
service shop {
    image = \"example/shop:4.2\"
    ports = [http: 8080]
    readiness_probe = http_get(\"/ready\", port = http)
}",
    ),
];
