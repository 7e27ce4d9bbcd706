/**
 * Faces and persons in a picture, by the networks of assets/models/face. Faces: two networks of MediaPipe with the
 * steps of its graphs for single images, detector and landmarks with attention (Grishchenko et al. 2020,
 * arXiv:2006.10962). Persons: its person matte and a network of ours, which err in different pictures
 * (training/classes; twin of what is here: training/classes/person.py). Arrays in, arrays out.
 */
import type { ICallOptions } from "../models/progress.js";
import { BothMattes } from "./bothMattes.js";
import { LandmarkCount } from "./crop.js";
import { DecodeBoxes, DetectorSize, MergeBoxes, RectangleOfFace, WithoutDoubles } from "./faceDetector.js";
import { Mirrored, ResizeMap, SampleRectangle, type IPicture, type ITurnedRectangle } from "./picture.js";

/** The graphs of models.json's `face`. */
export type FaceGraphName = "detector" | "landmarks" | "matte" | "classes";

/** Whoever runs them: a `ModelRuntime`. */
export interface IFaceNetworks {
    /**
     * @param image `[3,S,S]`
     * @returns the outputs by name
     */
    runFaceGraphAsync(
        name: FaceGraphName,
        image: Float32Array,
        options?: ICallOptions,
    ): Promise<Readonly<Record<string, Float32Array>>>;
}

/** Tells the person from the background, and what of the person is seen. */
export interface IPersonMask {
    /** `[size,size]` 0..1 over the whole picture, 1 on the person. */
    mask: Float32Array;
    size: number;
    /**
     * Hair, skin of face and body, and clothes, `[size,size]` each, 0..1; with the background they add up to 1. `mask`
     * is not their sum. Undefined where nobody tells them.
     */
    classes?: readonly [hair: Float32Array, skin: Float32Array, clothes: Float32Array];
}

/** What the photo path needs of whoever looks at pictures. */
export interface IFaceFinder {
    /**
     * Finds up to four faces.
     * @returns per face `[478,3]`: x and y in 0..1 of the picture, z on the scale of x, smaller is nearer
     */
    findFacesAsync(picture: IPicture, options?: ICallOptions): Promise<Float32Array[]>;
    /**
     * Finds the person; several are one. Made for a head in the middle of a square picture, with 45 % to 150 % of the
     * crop's size.
     */
    findPersonAsync(picture: IPicture, options?: ICallOptions): Promise<IPersonMask>;
}

/** Edge of the picture that MediaPipe's matte looks at, and of the one that ours does. */
const [MatteSize, PersonSize] = [256, 320];
/** The network's classes in their order; the fifth is the background. */
const [Hair, FaceSkin, BodySkin, Clothes] = [0, 1, 2, 3];
const LandmarkSize = 192;
const MostFaces = 4;
/** Least probability that a rectangle shows a face. */
const LeastPresence = 0.5;

/** Finds faces and persons with the networks of models.json. Remembers nothing from one picture to the next. */
export class FaceFinder implements IFaceFinder {
    /** @param _networks borrowed */
    public constructor(private readonly _networks: IFaceNetworks) {}

    public async findFacesAsync(picture: IPicture, options?: ICallOptions): Promise<Float32Array[]> {
        const { width, height } = picture;
        const edge = Math.max(width, height);
        const square: ITurnedRectangle = {
            centerX: width / 2,
            centerY: height / 2,
            width: edge,
            height: edge,
            rotation: 0,
        };
        const search = SampleRectangle(picture, square, { size: DetectorSize, range: [-1, 1], outside: "black" });
        const { boxes, scores } = await this._networks.runFaceGraphAsync("detector", search, options);
        const found = MergeBoxes(DecodeBoxes(boxes, scores)).slice(0, MostFaces);
        const faces: Float32Array[] = [];
        for (const rectangle of WithoutDoubles(found.map((face) => RectangleOfFace(face, square)))) {
            const image = SampleRectangle(picture, rectangle, { size: LandmarkSize, range: [0, 1], outside: "border" });
            const { landmarks, presence } = await this._networks.runFaceGraphAsync("landmarks", image, options);
            if (presence[0] >= LeastPresence) {
                faces.push(ToPicture(landmarks, rectangle, picture));
            }
        }
        return faces;
    }

    public async findPersonAsync(picture: IPicture, options?: ICallOptions): Promise<IPersonMask> {
        const { width, height } = picture;
        const all: ITurnedRectangle = { centerX: width / 2, centerY: height / 2, width, height, rotation: 0 };
        const sampled = (size: number): Float32Array =>
            SampleRectangle(picture, all, { size, range: [0, 1], outside: "border" });
        const { mask } = await this._networks.runFaceGraphAsync("matte", sampled(MatteSize), options);
        const image = sampled(PersonSize);
        const seen = await this._networks.runFaceGraphAsync("classes", image, options);
        const inMirror = await this._networks.runFaceGraphAsync("classes", Mirrored(image, PersonSize), options);
        const classes = MeanOf(seen.classes, Mirrored(inMirror.classes, PersonSize));
        const plane = (k: number): Float32Array => classes.subarray(k * PersonSize ** 2, (k + 1) * PersonSize ** 2);
        const [face, body] = [plane(FaceSkin), plane(BodySkin)];
        const alpha = MeanOf(seen.alpha, Mirrored(inMirror.alpha, PersonSize));
        return {
            mask: BothMattes(ResizeMap(mask, MatteSize, PersonSize), alpha, face, PersonSize),
            size: PersonSize,
            classes: [plane(Hair), face.map((value, i) => value + body[i]), plane(Clothes)],
        };
    }
}

/** What two looks say together. */
function MeanOf(a: Float32Array, b: Float32Array): Float32Array {
    return a.map((value, i) => (value + b[i]) / 2);
}

/** Landmarks in pixels of the network's picture to parts of the picture. */
function ToPicture(landmarks: Float32Array, rectangle: ITurnedRectangle, { width, height }: IPicture): Float32Array {
    const cos = Math.cos(rectangle.rotation);
    const sin = Math.sin(rectangle.rotation);
    const values = new Float32Array(3 * LandmarkCount);
    for (let i = 0; i < values.length; i += 3) {
        const across = (landmarks[i] / LandmarkSize - 0.5) * rectangle.width;
        const down = (landmarks[i + 1] / LandmarkSize - 0.5) * rectangle.height;
        values[i] = (rectangle.centerX + cos * across - sin * down) / width;
        values[i + 1] = (rectangle.centerY + sin * across + cos * down) / height;
        values[i + 2] = ((landmarks[i + 2] / LandmarkSize) * rectangle.width) / width;
    }
    return values;
}
