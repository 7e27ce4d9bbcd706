// Makes PNG files of the pictures that a failed visual test printed: `npm run test:visual | node
// tests/visual/takePictures.mjs`, then see out/visual. Look at them. If a new picture is right, copy NAME.actual.png to
// tests/golden/NAME.png and commit it with the change that caused it.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

let log = "";
for await (const chunk of process.stdin) {
    process.stdout.write(chunk);
    log += chunk;
}
const pictures = new Map();
for (const [, name, text] of log.matchAll(/PICTURE (\S+) (\S+) END/g)) {
    pictures.set(name, (pictures.get(name) ?? "") + text);
}
for (const [name, text] of pictures) {
    const file = path.join("out/visual", `${name}.png`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, Buffer.from(text, "base64"));
    console.log(file);
}
