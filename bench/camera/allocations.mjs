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
    const visit = ({ callFrame, selfSize, children }) => {
        if (selfSize > 0) {
            const { url, lineNumber, functionName } = callFrame;
            const file = url.endsWith("/page.js") ? files(lineNumber) : url.replace(/^.*\//, "");
            const owner = OwnerOf(file);
            const name = `${functionName || "(no name)"}${file ? `, ${file.replace(/^.*\//, "")}` : ""}`;
            const key = `${owner} ${name}`;
            rows.set(key, { owner, name, bytes: (rows.get(key)?.bytes ?? 0) + selfSize });
        }
        children.forEach(visit);
    };
    visit(profile.head);
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
