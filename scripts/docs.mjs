// Builds the documentation into dist/docs: the Markdown pages that docs/README.md names, and the API reference from the
// doc comments of all public names. TypeDoc's warnings are errors: an undocumented name, a link that leads nowhere.
// Samples that were built are put beside it; `npm run docs` builds them first.
//   npm run docs              then open dist/docs/index.html
//   npm run docs -- --serve   on a local server, which the samples need
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Application, JSX, TSConfigReader, TypeDocReader } from "typedoc";
import { samplesFolder, StartServerAsync } from "./serve.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const output = path.join(root, "dist", "docs");
process.chdir(root);

/**
 * The pages that docs/README.md names, each with its section: the one whose first column names it, else the one that
 * names it first.
 */
function pagesBySection() {
    const named = [[], []]; // in first columns, elsewhere
    let section = "";
    for (const line of readFileSync("docs/README.md", "utf8").split("\n")) {
        section = /^## (.*)/.exec(line)?.[1] ?? section;
        for (const link of line.matchAll(/\]\(([^)#]+\.md)(#[^)]*)?\)/g)) {
            const isTitle = !line.slice(1, link.index).includes("|") && link[2] === undefined;
            named[isTitle ? 0 : 1].push([path.posix.normalize(path.posix.join("docs", link[1])), section]);
        }
    }
    const pages = new Map(named[0]);
    named[1].forEach(([page, of]) => pages.has(page) || pages.set(page, of));
    pages.delete("README.md"); // the site's first page
    return pages;
}

/** The samples, if they were built. */
const samples = existsSync(samplesFolder) ? JSON.parse(readFileSync("samples/samples.json", "utf8")) : [];

const sections = pagesBySection();
const app = await Application.bootstrapWithPlugins({ projectDocuments: ["docs/README.md", ...sections.keys()] }, [
    new TypeDocReader(),
    new TSConfigReader(),
]);

/** A page is called what its heading says. */
app.converter.on("createDocument", (_, document) => {
    const page = path.relative(root, document.project.files.getReflectionPath(document));
    document.name = /^\s*# (.*)/.exec(document.content[0].text)[1];
    document.frontmatter.category = sections.get(page.split(path.sep).join("/")) ?? "Use it";
});
const linkTo = (context, { name, title }) =>
    JSX.createElement("a", { href: context.relativeURL(`samples/${name}/index.html`) }, `Sample: ${title}`);
app.renderer.hooks.on("sidebar.begin", (context) =>
    JSX.createElement(
        "div",
        { class: "samples" },
        ...samples.map((sample) => JSX.createElement("p", null, linkTo(context, sample))),
    ),
);

rmSync(output, { recursive: true, force: true });
const project = await app.convert();
if (project) {
    app.validate(project);
}
if (!project || app.logger.hasErrors() || app.logger.hasWarnings()) {
    process.exit(1);
}
await app.generateDocs(project, output);
if (app.logger.hasErrors() || app.logger.hasWarnings()) {
    process.exit(1);
}
showSourcesAsText();
if (samples.length > 0) {
    const isPublic = (file) => path.relative(samplesFolder, file).split(path.sep)[0] !== "harness";
    cpSync(samplesFolder, path.join(output, "samples"), { recursive: true, filter: isPublic });
}
console.log(`${path.relative(root, output)}/index.html: ${sections.size + 1} pages, ${samples.length} samples`);
if (process.argv.includes("--serve")) {
    const { url } = await StartServerAsync({ folder: output, port: Number(process.env.PORT ?? 8080) });
    console.log(`${url}/index.html`);
}

/** Browsers show a text, and offer to save a .ts or .py. */
function showSourcesAsText() {
    const media = path.join(output, "media");
    const sources = readdirSync(media).filter((name) => /\.(ts|py|wgsl|mjs|sh|cpp|cu)$/.test(name));
    for (const name of sources) {
        renameSync(path.join(media, name), path.join(media, `${name}.txt`));
    }
    for (const name of readdirSync(output, { recursive: true, encoding: "utf8" }).filter((file) =>
        file.endsWith(".html"),
    )) {
        const file = path.join(output, name);
        const text = readFileSync(file, "utf8");
        writeFileSync(
            file,
            text.replace(/(href="[^"]*media\/)([^"/]+)"/g, (whole, start, target) =>
                sources.includes(target) ? `${start}${target}.txt"` : whole,
            ),
        );
    }
}
