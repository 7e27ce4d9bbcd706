// Turns a results file into the tables of bench/README.md, between the two markers there: `node bench/report.mjs`. The
// bench does so at its end.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FileName } from "./sections.mjs";

const bench = path.dirname(fileURLToPath(import.meta.url));
const range = (summary) => (summary ? `${summary.median} (${summary.from}–${summary.to})` : "–");
const table = (head, rows) =>
    [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
const when = ({ date, load }) => `_${date.slice(0, 16).replace("T", " ")} UTC, load ${load.join(" / ")}._`;

const megabytes = (bytes) => (bytes / 1e6).toFixed(2);

const writers = {
    frames(section) {
        const { contenders, rounds } = section;
        const peers = contenders.filter((row) => row.cpuMs && !row.name.startsWith("ours"));
        const fastest = peers.reduce((best, row) => (row.cpuMs.median < best.cpuMs.median ? row : best), peers[0]);
        const rows = contenders.map((row) =>
            row.failed
                ? [row.name, row.version ?? "", row.frame, `failed: ${row.failed}`, "", "", "", ""]
                : [
                      row.name,
                      row.version,
                      row.frame,
                      range(row.cpuMs),
                      range(row.ms),
                      fastest ? (row.cpuMs.median / fastest.cpuMs.median).toFixed(2) : "–",
                      row.psnr.toFixed(1),
                      `![${row.name}](results/pictures/${FileName(row.name)}.jpg)`,
                  ],
        );
        const head = [
            "contender",
            "version",
            "a frame is",
            "processor ms",
            "wall ms",
            "against the fastest peer",
            "PSNR, dB",
            "picture",
        ];
        return `### Whole frames\n\n${section.gaussians} Gaussians, ${section.sizePx}², ${rounds} interleaved rounds. ${when(section)}\n\n${table(head, rows)}`;
    },
    passes(section) {
        return section.reports
            .map((report) => {
                const rows = report.passes.map(({ name, ms }) => [name, range(ms)]);
                const bytes = report.bytes.map((row) => [
                    row.pass,
                    ...[row.readBytes, row.writtenBytes, row.floorBytes].map(megabytes),
                ]);
                const total = `${report.dispatches} dispatches; ${megabytes(report.movedBytes)} MB against a floor of ${megabytes(report.floorBytes)} MB: ${report.movedOverFloor}×.`;
                return `### Passes of ours, ${report.sorter} sort\n\n${total} ${report.visible} of ${report.gaussians} visible. ${when(section)}\n\n${table(["kernel", "GPU ms"], rows)}\n\n${table(["pass", "MB read", "MB written", "MB floor"], bytes)}`;
            })
            .join("\n\n");
    },
    sorts(section) {
        const babylon = section.rows.at(-1).cpuMs.median;
        const rows = section.rows.map((row) => [
            row.name,
            row.dispatches,
            range(row.cpuMs),
            range(row.ms),
            (row.cpuMs.median / babylon).toFixed(3),
        ]);
        const head = ["sort", "dispatches", "processor ms", "wall ms", "against Babylon's"];
        return `### Sorts, ${section.keys} keys\n\n${when(section)}\n\n${table(head, rows)}`;
    },
    scaling(section) {
        const gaussians = section.gaussians.map((row) => [row.count, range(row.cpuMs), range(row.ms)]);
        const avatars = section.avatars.map((row) => [
            row.count,
            row.dispatches,
            (row.bytes / 1e6).toFixed(1),
            range(row.cpuMs),
            range(row.ms),
        ]);
        return `### Scaling\n\n${when(section)}\n\n${table(["Gaussians", "processor ms", "wall ms"], gaussians)}\n\nAvatars of ${section.avatars[0].gaussiansEach} Gaussians that share maps:\n\n${table(["avatars", "dispatches", "MB of head and avatars", "processor ms", "wall ms"], avatars)}`;
    },
    page(section) {
        const rows = [
            ["head alone", range(section.without.cpuMs), range(section.without.ms)],
            ["with the page", range(section.withPage.cpuMs), range(section.withPage.ms)],
        ];
        return `### Hair beyond the scalp, and bust\n\nA page of ${section.page} Gaussians with a head of ${section.head}: ${range(section.ratio)} times the frame, by pairs. ${when(section)}\n\n${table(["frame", "processor ms", "wall ms"], rows)}`;
    },
    person(section) {
        const rows = section.frames.map(({ name, gaussians, headPx, withoutMs, withMs, ratio, control }) => [
            name,
            gaussians.head,
            gaussians.page,
            headPx,
            range(withoutMs),
            range(withMs),
            range(ratio),
            range(control),
        ]);
        const head = [
            "saved person",
            "Gaussians of the head",
            "of hair and bust",
            "head, px",
            "GPU process without, ms",
            "with, ms",
            "with over without",
            "without over without",
        ];
        return `### Hair and bust of real people\n\nAvatars saved from the page, by the plugin in a picture of 512², with hair and bust and with neither (target ≤ 1.35). ${when(section)}\n\n${table(head, rows)}`;
    },
    networks(section) {
        const driver = section.driver.map((row) => [row.name, range(row.ms), range(row.cpuMs), row.gflopPerSecond]);
        const photos = section.reconstruction.map((row) => [row.photos, range(row.encodeMs), range(row.reconstructMs)]);
        return `### Networks, ${section.model}\n\n${when(section)}\n\n${table(["driver in", "wall ms", "processor ms", "GFLOP/s"], driver)}\n\n${table(["photos", "encode, ms", "reconstruct, ms"], photos)}`;
    },
    bundle(section) {
        const all = section.files.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
        const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
        return [
            "### Bundle\n",
            `${kilobytes(section.gzipBytes)} gzip without Babylon, ONNX Runtime and models (target ≤ ${section.targetBytes / 1000} kB),`,
            `and ${kilobytes(all - section.gzipBytes)} in ${section.files.length - 1} files that load when they are used. ${when(section)}`,
        ].join("\n");
    },
    visit: visits,
    refine(section) {
        const MB = (bytes) => (bytes / 1e6).toFixed(1);
        const times = section.refinements.map(({ photos, ms, solveMs, bytes }) => [
            photos,
            (ms / 1000).toFixed(1),
            (solveMs / 1000).toFixed(1),
            MB(bytes),
        ]);
        const what = { refined: "refined", closeUp: "with detail for close-ups" };
        const target = { refined: 1.05, closeUp: 1.5 };
        const frames = section.frames.map(({ shown, headPx, withoutMs, withMs, ratio, control }) => [
            what[shown],
            headPx,
            range(withoutMs),
            range(withMs),
            `${range(ratio)}, target ≤ ${target[shown]}`,
            range(control),
        ]);
        const passes = Object.entries(section.passes).map(([name, { buildMs, passMs, bytes }]) => [
            name,
            Math.round(buildMs),
            Math.round(passMs),
            MB(bytes),
        ]);
        return [
            `### Refinement\n\nThe bundled portrait, ${section.gaussians} Gaussians. ${when(section)}`,
            table(["photos", "s in all", "s of the solver", "MB while it works, input included"], times),
            section.framesAndBytes
                ? `Memory while it works, and the frames below: ${when(section.framesAndBytes)}`
                : "",
            `Afterwards the page holds ${MB(section.bytesAfter)} MB more (target ≤ 10).`,
            table(
                [
                    "frame",
                    "head, px",
                    "GPU process without, ms",
                    "with, ms",
                    "with over without",
                    "without over without",
                ],
                frames,
            ),
            `One photo's w, and one pass with it (picture and transpose), on ${section.adapter}:`,
            table(["", "made in, ms", "pass, ms", "MB"], passes),
        ]
            .filter(Boolean)
            .join("\n\n");
    },
};

/** What a first visit loads, now and before (a results file of its own, measured once). */
function visits(section) {
    const beforeFile = path.join(bench, "results", "first-visit-8c8e4f2.json");
    const before = existsSync(beforeFile) ? JSON.parse(readFileSync(beforeFile, "utf8")).visit.rows : [];
    const cell = (row) => (row ? `${megabytes(row.gzipBytes)} (${megabytes(row.bytes)}, ${row.requests})` : "–");
    const rows = section.rows.map((row) => [
        row.name,
        cell(row),
        row.targetGzipBytes ? `≤ ${row.targetGzipBytes / 1e6}` : "–",
        cell(before.find(({ name }) => name === row.name)),
    ]);
    const names = [...new Set(section.rows.flatMap(({ parts }) => Object.keys(parts)))];
    const parts = names.map((name) => [name, ...section.rows.map((row) => cell(row.parts[name]))]);
    const head = ["first visit", "MB gzip (raw, requests)", "target", "before, 8c8e4f2"];
    return (
        `### First visit\n\nUntil the avatar is drawn, on a page with nothing else, without the visitor's own photo; gzip is \`gzip -9\` of every response. ${when(section)}\n\n` +
        `${table(head, rows)}\n\nBy part, MB gzip (raw, requests):\n\n${table(["part", ...section.rows.map(({ name }) => name)], parts)}`
    );
}

/** A line of prose as lines of at most 120 characters; tables and pictures stay. */
function Wrapped(line) {
    if (line.length <= 120 || /^[|!]/.test(line)) {
        return [line];
    }
    const lines = [""];
    for (const word of line.split(" ")) {
        const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
        if (longer.length > 120) {
            lines.push(word);
        } else {
            lines[lines.length - 1] = longer;
        }
    }
    return lines;
}

/** Rewrites the tables. */
export function WriteReport(resultsFile = path.join(bench, "results", "software-adapter.json")) {
    const results = JSON.parse(readFileSync(resultsFile, "utf8"));
    const readme = path.join(bench, "README.md");
    const { machine } = results;
    const text = [
        `Machine: ${machine.cpu}, ${machine.cores} cores; adapter ${[machine.vendor, machine.architecture, machine.description].filter(Boolean).join(" ")}.`,
        ...Object.keys(writers)
            .filter((name) => results[name])
            .map((name) => writers[name](results[name])),
    ].join("\n\n");
    const [start, end] = ["<!-- results -->", "<!-- /results -->"];
    const old = readFileSync(readme, "utf8");
    const wrapped = text.split("\n").flatMap(Wrapped).join("\n");
    writeFileSync(
        readme,
        `${old.slice(0, old.indexOf(start) + start.length)}\n\n${wrapped}\n\n${old.slice(old.indexOf(end))}`,
    );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    WriteReport(process.argv[2]);
}
