// Finds a Chromium-family browser: CHROME_BIN first, then the usual names on PATH, then the usual places on macOS and
// Windows.
import { existsSync } from "node:fs";
import path from "node:path";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const places = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
];

/** Path of the browser's executable, or undefined. */
export function FindChromium() {
    if (process.env.CHROME_BIN && existsSync(process.env.CHROME_BIN)) {
        return process.env.CHROME_BIN;
    }
    const onPath = (process.env.PATH ?? "")
        .split(path.delimiter)
        .flatMap((folder) => names.map((name) => path.join(folder, name)));
    return [...onPath, ...places].find((file) => existsSync(file));
}
