/** What went wrong, in words, with the library's own advice, and at least one way on for each of its codes. */
import { FlexAvatarError, type FlexAvatarErrorCode } from "babylon-flexavatar";

/** A way on that the page offers. */
export type Way = "choose" | "camera" | "portrait" | "again" | "open" | "reload" | "keep";

const Labels: Record<Way, string> = {
    choose: "Choose other photos",
    camera: "Take a photo",
    portrait: "Use the portrait",
    again: "Try again",
    open: "Open another file",
    reload: "Load the page again",
    keep: "Go on with what is there",
};

const otherPhoto: readonly Way[] = ["choose", "camera", "portrait"];
const fromTheStart: readonly Way[] = ["again", "reload"];

/** Every code of the library. TypeScript refuses the table if one is missing. */
const Problems: Record<FlexAvatarErrorCode, { title: string; ways: readonly Way[] }> = {
    "photo-count": { title: "One to four photos, please", ways: otherPhoto },
    "photo-unreadable": { title: "This photo cannot be opened", ways: otherPhoto },
    "photo-no-face": { title: "No face was found", ways: otherPhoto },
    "photo-too-small": { title: "The face is too small", ways: otherPhoto },
    "photo-too-large": { title: "The photo is too large", ways: otherPhoto },
    "models-missing": { title: "A file of the page did not come", ways: fromTheStart },
    "models-hash": { title: "A file of the page is damaged", ways: fromTheStart },
    "models-mismatch": { title: "The page's files do not fit together", ways: fromTheStart },
    "splats-no-head": { title: "No head was found in the file", ways: ["open", "choose"] },
    "policy-refused": { title: "The page is not allowed to do this", ways: ["reload"] },
    "webgpu-missing": { title: "This browser has no WebGPU", ways: ["reload"] },
    "wasm-simd-missing": { title: "This browser is too old", ways: ["reload"] },
    aborted: { title: "Stopped", ways: ["again"] },
    disposed: { title: "The scene is gone", ways: ["reload"] },
    "file-missing": { title: "The file did not come", ways: ["again", "open", "choose"] },
    "file-format": { title: "This is no avatar file", ways: ["open", "choose"] },
    "pickle-refused": { title: "This file asks for more than data", ways: ["keep"] },
    "clip-empty": { title: "The clip moves nothing", ways: ["keep"] },
    "refine-failed": { title: "The photo's detail could not be added", ways: ["keep", "choose"] },
    "fill-failed": { title: "Hair and shoulders could not be made", ways: ["keep", "choose"] },
    "microphone-refused": { title: "The page may not use the microphone", ways: ["keep", "again"] },
    "microphone-missing": { title: "There is no microphone", ways: ["keep", "again"] },
    "sound-unreadable": { title: "This sound cannot be opened", ways: ["keep", "open"] },
    "camera-refused": { title: "The page may not use the camera", ways: ["keep", "again"] },
    "camera-missing": { title: "There is no camera", ways: ["keep", "again"] },
    "camera-busy": { title: "The camera does not start", ways: ["keep", "again"] },
    "camera-failed": { title: "The camera cannot be followed", ways: ["keep", "again"] },
    "too-many-avatars": { title: "There is no room on the graphics card", ways: ["reload"] },
    "invalid-argument": { title: "The page asked for something odd", ways: fromTheStart },
};

/** Shows an error with its ways on. `go` is told which one the visitor takes; the problem is hidden then. */
export function ShowProblem(error: unknown, go: (way: Way) => void): void {
    const find = (id: string) => document.getElementById(id)!;
    const known = error instanceof FlexAvatarError ? error : null;
    const { title, ways } = known ? Problems[known.code] : { title: "Something went wrong", ways: fromTheStart };
    find("problemTitle").textContent = title;
    find("problemText").textContent = error instanceof Error ? error.message : String(error);
    find("problemAdvice").textContent = known?.advice ?? "";
    find("problemWays").replaceChildren(
        ...ways.map((way) => {
            const button = Object.assign(document.createElement("button"), {
                type: "button",
                textContent: Labels[way],
            });
            button.addEventListener("click", () => {
                HideProblem();
                go(way);
            });
            return button;
        }),
    );
    find("problem").hidden = false;
    find("problem").focus();
    find("problem").scrollIntoView({ block: "nearest" });
}

/** Takes the problem off the page. */
export function HideProblem(): void {
    document.getElementById("problem")!.hidden = true;
}
