//! Codes of places, their power, links, teams and maintenance.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "place::none",
        "a place that holds nothing of this",
        "\
A path asks for the site, row or rack that a node or place stands in, and it stands in none. There is no null: a fact of a
place can be read of what stands in one only.

Put the block into a place of that kind, or say the line in the block of the place itself.",
        "\
node box {
    cpu = 8 core
}
policy here {
    all n in node[*]: n.site.residency == eu
}",
        "\
site ams {
    residency = eu
    node box {
        cpu = 8 core
    }
}
policy here {
    all n in node[*]: n.site.residency == eu
}",
    ),
    code(
        "power::over-nameplate",
        "more hardware than a limit on its nameplate allows",
        "\
The nameplate of a place adds up what its servers could draw at most: the nameplate of each device and the overhead of each
server. It speaks of facts, so a limit on it is checked at once, without a plan. A cap or a clock lowers the power that is
drawn and leaves the nameplate as it is.

Let the plan leave servers of a block out with `filled in 2..3`, move hardware, or raise the limit. A limit on
`power` beside a larger one on `nameplate` is how oversubscription is said.",
        "\
device gpu {
    memory = 80GB
    nameplate = 700W
}
rack r {
    nameplate <= 20kW
    node h[1..3] {
        devices = 8 * gpu
        overhead = 2kW
    }
}",
        "\
device gpu {
    memory = 80GB
    nameplate = 700W
}
rack r {
    nameplate <= 20kW
    node h[1..2] {
        devices = 8 * gpu
        overhead = 2kW
    }
}",
    ),
    code(
        "power::no-sensor",
        "a stage that nothing tells the power",
        "\
A stage acts while the power of its place, as its sensor reads it, has passed a threshold. Without a sensor there is no
reading, and how late and how wrong it is decides whether the stage acts in time.",
        "\
rack r {
    stage brake {
        at = 35kW
        release = 30kW
        clock = 288MHz
    }
}",
        "\
rack r {
    sensor {
        every = 2s
        error = 2%
    }
    stage brake {
        at = 35kW
        release = 30kW
        clock = 288MHz
    }
}",
    ),
    code(
        "power::no-effect",
        "a stage that changes nothing",
        "\
A stage sets a clock, a power limit or both on the devices of its place. One that sets neither sheds no power. Decode rarely
reaches a power limit, so a clock sheds its power and a limit does not.",
        "\
rack r {
    sensor {
        every = 2s
    }
    stage brake {
        at = 35kW
        release = 30kW
    }
}",
        "\
rack r {
    sensor {
        every = 2s
    }
    stage brake {
        at = 35kW
        release = 30kW
        clock = 288MHz
    }
}",
    ),
    code(
        "power::release",
        "a stage that ends where it begins",
        "\
A stage acts from when the power of its place has passed `at` until it is under `release`. Both are watts of that place, and
`release` is the lower one: otherwise the stage would set in and end at every reading.",
        "\
rack r {
    sensor {
        every = 2s
    }
    stage brake {
        at = 30kW
        release = 35kW
        clock = 288MHz
    }
}",
        "\
rack r {
    sensor {
        every = 2s
    }
    stage brake {
        at = 35kW
        release = 30kW
        clock = 288MHz
    }
}",
    ),
    code(
        "link::ends",
        "a link that does not join two places",
        "\
A link stands for one wire with its bandwidth, latency and price: it joins two different places. A net of several sites is a
link for each pair that has one.",
        "\
site ams {
    zone = \"Europe/Amsterdam\"
}
link wire {
    between = [ams, ams]
    bandwidth = 100Gbit/s
}",
        "\
site ams {
    zone = \"Europe/Amsterdam\"
}
site dal {
    zone = \"America/Chicago\"
}
link wire {
    between = [ams, dal]
    bandwidth = 100Gbit/s
}",
    ),
    code(
        "team::shares",
        "shares of teams that cannot all be had",
        "\
`guaranteed` is the share of the filled devices that a team can have back at any time, `limit` the one it never exceeds. A
guarantee is at most the team's own limit, and the guarantees of all teams are at most 100% together.",
        "\
team product {
    guaranteed = 60%
}
team research {
    guaranteed = 50%
}",
        "\
team product {
    guaranteed = 60%
}
team research {
    guaranteed = 40%
}",
    ),
    code(
        "maintenance::too-long",
        "work that does not fit into its hours",
        "\
Maintenance takes each thing away for the time `each`, and begins and ends within `hours` of one day. One piece of work that
takes longer than these hours could never be done.",
        "\
rack r {
    node box {
        cpu = 8 core
    }
}
maintenance firmware {
    what = r
    each = 4h
    hours = 2h..5h
}",
        "\
rack r {
    node box {
        cpu = 8 core
    }
}
maintenance firmware {
    what = r
    each = 40min
    hours = 2h..5h
}",
    ),
    code(
        "value::unordered",
        "a curve whose points are out of order",
        "\
A curve is a map from quantities to quantities: `[125%: 10min, 150%: 60s]`. Its keys ascend. The times of a breaker's curve
descend: a larger load trips it sooner.",
        "\
rack r {
    breaker {
        rated = 36kW
        trips = [125%: 10min, 105%: 1h]
    }
}",
        "\
rack r {
    breaker {
        rated = 36kW
        trips = [105%: 1h, 125%: 10min]
    }
}",
    ),
];
