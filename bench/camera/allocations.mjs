// Who allocates, by a sampling heap profile of a page whose script esbuild bundled in one file, with the names of the
// files before their parts.

/**
 * @param profile of HeapProfiler.stopSampling
 * @param script text of the bundle, served as page.js
 * @returns rows `{ owner, name, bytes }`, largest first: ours (src/), of the bench, of Babylon, of the browser
 */
export function AllocatedBy(profile, script) {
    const files = FilesByLine(script);
    const rows = new Map();
    const visit = ({ callFrame, selfSize, children }, caller) => {
        const { url, lineNumber, functionName } = callFrame;
        const file = url.endsWith("/page.js") ? files(lineNumber) : url.replace(/^.*\//, "");
        const name = functionName || "(no name)";
        // A function of the browser, such as join, makes what its caller wants.
        const own = { owner: OwnerOf(file), name: file ? `${name}, ${file.replace(/^.*\//, "")}` : name };
        const called = file || caller.owner === "browser" ? own : { ...caller, name: `${caller.name}: ${name}` };
        if (selfSize > 0) {
            const key = `${called.owner} ${called.name}`;
            rows.set(key, { ...called, bytes: (rows.get(key)?.bytes ?? 0) + selfSize });
        }
        children.forEach((child) => visit(child, called));
    };
    visit(profile.head, { owner: "browser", name: "" });
    return [...rows.values()].sort((a, b) => b.bytes - a.bytes);
}

function OwnerOf(file) {
    if (file.startsWith("src/") || file.startsWith("worker:")) {
        return "ours";
    }
    return file.startsWith("node_modules/@babylonjs") ? "Babylon" : file ? "bench" : "browser";
}

/** From a line of the bundle to the file that it came from. */
function FilesByLine(script) {
    const starts = [];
    script.split("\n").forEach((line, number) => {
        const file = /^ {0,6}\/\/ ((?:src|bench|tests|samples|node_modules|worker).*\.(?:[cm]?[jt]s|wgsl))$/.exec(
            line,
        )?.[1];
        if (file) {
            starts.push({ number, file });
        }
    });
    return (number) => starts.findLast((start) => start.number <= number)?.file ?? "";
}
