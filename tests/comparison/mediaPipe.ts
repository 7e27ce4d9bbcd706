/** MediaPipe's own face mesh behind the interface of ours: what our faces are compared with. */
import type { IFaceFinder } from "../../src/runtime/photo/faceFinder";
import type { IPicture } from "../../src/runtime/photo/picture";

interface ISolutionResults {
    multiFaceLandmarks?: { x: number; y: number; z: number }[][];
}

interface ISolution {
    initialize(): Promise<void>;
    setOptions(options: Record<string, unknown>): void;
    onResults(listener: (results: ISolutionResults) => void): void;
    send(inputs: { image: HTMLCanvasElement }): Promise<void>;
    reset(): void;
}

type SolutionClass = new (config: { locateFile: (file: string) => string }) => ISolution;

/** Runs on the processor, as the library did: the same landmarks within 0.04 px as with WebGL. */
export class MediaPipeFinder implements Pick<IFaceFinder, "findFacesAsync"> {
    private constructor(private readonly _faceMesh: ISolution) {}

    /** @param folder address of the folder `@mediapipe` */
    public static async StartAsync(folder: string): Promise<MediaPipeFinder> {
        return new MediaPipeFinder(
            await startAsync(`${folder}/face_mesh`, "face_mesh.js", "FaceMesh", {
                maxNumFaces: 4,
                refineLandmarks: true,
            }),
        );
    }

    public async findFacesAsync(picture: IPicture): Promise<Float32Array[]> {
        const faces = await process(
            this._faceMesh,
            canvasOf(picture),
            ({ multiFaceLandmarks }) => multiFaceLandmarks ?? [],
        );
        return faces.map((face) => Float32Array.from(face.flatMap(({ x, y, z }) => [x, y, z])));
    }
}

async function startAsync(
    folder: string,
    file: string,
    name: string,
    options: Record<string, unknown>,
): Promise<ISolution> {
    const script = document.createElement("script");
    script.src = `${folder}/${file}`;
    await new Promise((resolve, reject) => {
        script.onload = resolve;
        script.onerror = reject;
        document.head.append(script);
    });
    const Class = (window as unknown as Record<string, SolutionClass>)[name];
    const solution = new Class({ locateFile: (part) => `${folder}/${part}` });
    solution.setOptions({ ...options, useCpuInference: true });
    await solution.initialize();
    return solution;
}

async function process<T>(
    solution: ISolution,
    image: HTMLCanvasElement,
    read: (results: ISolutionResults) => T,
): Promise<T> {
    const results: T[] = [];
    solution.onResults((result) => void results.push(read(result)));
    solution.reset(); // as a still image: nothing is remembered
    await solution.send({ image });
    return results[0];
}

function canvasOf({ data, width, height }: IPicture): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    canvas.getContext("2d")!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
    return canvas;
}
