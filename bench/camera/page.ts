/** The page that measures cameras: follows a film frame by frame through the library's worker, or live. */
import { ParseHeadModel, type HeadModel } from "../../src/flame/headModel";
import { CameraResult, CameraStates } from "../../src/runtime/camera/cameraResult";
import { StartCameraAsync } from "../../src/runtime/camera/cameraRunner";
import "./live";

/** What a film gave, frame by frame. */
interface IFollowedFilm {
    names: readonly string[];
    /** Per frame: null without a face, else turn x, y, z, w and expressions. */
    frames: (number[] | null)[];
    inferenceMs: number[];
    fitMs: number[];
}

async function LoadHeadAsync(): Promise<HeadModel> {
    return ParseHeadModel(await (await fetch("/models/open-head.bin")).arrayBuffer());
}

/** JPEG files of a motion JPEG. */
function Pictures(bytes: Uint8Array<ArrayBuffer>): Blob[] {
    const starts: number[] = [];
    for (let i = 0; i + 2 < bytes.length; i++) {
        if (bytes[i] === 0xff && bytes[i + 1] === 0xd8 && bytes[i + 2] === 0xff) {
            starts.push(i);
        }
    }
    return starts.map((start, k) => new Blob([bytes.subarray(start, starts[k + 1])], { type: "image/jpeg" }));
}

/** Follows a film, each frame of it, as if it came with 30 frames per second. */
async function FollowFilmAsync(url: string): Promise<IFollowedFilm> {
    const head = await LoadHeadAsync();
    const pictures = Pictures(new Uint8Array(await (await fetch(url)).arrayBuffer()));
    let told: (result: Float64Array) => void = () => undefined;
    const runner = await StartCameraAsync({
        head,
        modelsUrl: "/models/",
        runtimeUrls: "/runtime/",
        givenLandmarks: false,
        signal: new AbortController().signal,
        onResult: (result) => told(result),
        onFailure: (message) => console.error(message),
        onPage: (reason) => console.error(reason),
    });
    const film: IFollowedFilm = { names: head.expressions, frames: [], inferenceMs: [], fitMs: [] };
    for (const [frame, picture] of pictures.entries()) {
        const bitmap = await createImageBitmap(picture);
        const result = await new Promise<Float64Array>((resolve) => {
            told = resolve;
            runner.follow(bitmap, (1000 * frame) / 30);
        });
        const follows = result[CameraResult.State] === CameraStates.Following;
        film.frames.push(
            follows
                ? [
                      ...result.subarray(CameraResult.Turn, CameraResult.Turn + 4),
                      ...result.subarray(CameraResult.Expression),
                  ]
                : null,
        );
        film.inferenceMs.push(result[CameraResult.InferenceMs]);
        film.fitMs.push(result[CameraResult.FitMs]);
    }
    runner.dispose();
    return film;
}

Object.assign(window, { FollowFilmAsync });
