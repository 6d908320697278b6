//! Codes of files and imports.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "file::directory",
        "a folder where a file should be",
        "\
A plan file is needed and a folder is there. The command line accepts a folder and takes its `main.berth`; a `use`
names one file.

Name the file.",
        "use \"./folder\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::not-utf8",
        "bytes that are no text",
        "\
Plan files are UTF-8. At this place stands a byte that begins no character of it; often the file was saved in an
older encoding, or is no text at all.

Save it as UTF-8. The rest of the file was read, with a mark in place of the odd bytes.",
        "use \"./latin.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::too-large",
        "more bytes than a plan file has",
        "\
Plan files of more than 64 MiB are not read. What makes a file that large is data: arrivals, prices, measurements.

Data stays in files of its own, which the plan file names: `trace(\"arrivals.csv\")`.",
        "use \"./huge.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "file::unreadable",
        "a file that cannot be read",
        "\
The file is there and the system refused to read it. Its own words stand in the message.

Look at the permissions of the file and at the disk.",
        "use \"./locked.berth\" as inventory",
        "use \"./platform.berth\" as inventory",
    ),
    code(
        "use::cycle",
        "a file that uses itself",
        "\
Following `use` from this file leads back to it. Files could then never be read to their end.

Move what both files need into a third, and use that from both.",
        "use \"./circle.berth\" as other",
        "use \"./platform.berth\" as other",
    ),
    code(
        "use::missing-file",
        "a file that is not there",
        "\
Paths are relative to the file in which the `use` stands, not to the folder in which the program was started.",
        "use \"./plattform.berth\" as house",
        "use \"./platform.berth\" as house",
    ),
    code(
        "use::too-many",
        "files that use files too often",
        "\
At most 64 files may use one another in a row, and a program has at most 1,000 modules. A `use` with a body counts as a
module of its own, so bodies multiply.

Use a file once, without a body, and derive from what it declares.",
        "",
        "",
    ),
    code(
        "use::unknown-catalog",
        "a part of the catalog that does not exist",
        "\
`use catalog.NAME` reads a file that ships with the program; `berth catalog` lists them. A file of your own is named by
a text.",
        "use catalog.nvidea as nv",
        "use catalog.nvidia as nv",
    ),
];
