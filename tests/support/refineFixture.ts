/**
 * tests/fixtures/refinement.json, written by training/refine/write_fixture.py: two photos of the open head, and every
 * step of their refinement.
 */
import { CreateExpressionPose, ExpressionIndex } from "../../src/flame/expression";
import { ParseHeadModel } from "../../src/flame/headModel";
import { VertexNormals } from "../../src/flame/normals";
import { BuildTexelTable } from "../../src/flame/texelTable";
import { PoseVerticesReference } from "../../src/runtime/reference/poseVertices";
import type { IRefineConstants, IRefineInput, IRefineView } from "../../src/runtime/refine/refineInput";

interface IFixturePhoto {
    expression: Record<string, number>;
    R: number[];
    t: number[];
    focal: number;
    image: string;
    matte: string;
    landmarks: string;
    drawn: string;
    seen: string;
    trust: string;
    smoothTrust: string;
    gain: number[];
}

interface IFixture {
    mapSize: number;
    edge: number;
    /** Rows of the crop that the photo covers. */
    insideRows: number;
    /** Mean and height of the waves of each channel. */
    static: [number, number][];
    delta: [number, number][];
    rotations: string;
    settings: Record<string, number | [number, number]>;
    photos: IFixturePhoto[];
    mostSeen: number;
    firstRound: string;
    lastRound: string;
    trust: string;
    color: string;
}

const Bytes = (text: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const Shorts = (text: string): number[] => Array.from(new Uint16Array(Bytes(text).buffer), (value) => value / 65535);

/** What the training side found, 0..1 each; per Gaussian unless it says otherwise. */
export interface IRefineTruth {
    readonly photos: readonly { seen: number[]; trust: number[]; smoothTrust: number[]; gain: number[] }[];
    /** [3,n] */
    readonly firstRound: number[];
    readonly lastRound: number[];
    /** [U,U] */
    readonly trust: number[];
    /** [3,U,U] */
    readonly color: number[];
}

/** A refinement, and what the training side makes of it. */
export async function RefineFixtureAsync(): Promise<{ input: IRefineInput; truth: IRefineTruth }> {
    const fixture = (await (await fetch("/repo/tests/fixtures/refinement.json")).json()) as IFixture;
    const model = ParseHeadModel(await (await fetch("/repo/assets/models/open-head.bin")).arrayBuffer());
    const { mapSize, edge } = fixture;
    const waves = (channels: [number, number][]): Float32Array<ArrayBuffer> =>
        Float32Array.from({ length: channels.length * mapSize ** 2 }, (_, i) => {
            const [c, texel] = [Math.floor(i / mapSize ** 2), i % mapSize ** 2];
            return channels[c][0] + channels[c][1] * Math.sin((0.7 + 0.31 * c) * texel + c);
        });
    const rotations = Float32Array.from(new Int8Array(Bytes(fixture.rotations).buffer), (value) => value / 127);
    const { texel, gaussianCount, corners, bary, weights, flags } = BuildTexelTable(model, mapSize);
    const { regions, template } = model;
    const normals = VertexNormals(model, template);
    const blink = CreateExpressionPose(model);
    ["eyeBlinkLeft", "eyeBlinkRight"].forEach((name) => (blink.expression[ExpressionIndex(model, name)] = 1));
    const shut = PoseVerticesReference(model, blink).expressed;
    const views = fixture.photos.map((photo): IRefineView => {
        const pose = CreateExpressionPose(model);
        Object.entries(photo.expression).forEach(
            ([name, weight]) => (pose.expression[ExpressionIndex(model, name)] = weight),
        );
        const image = Bytes(photo.image);
        const pixels = new Uint8ClampedArray(4 * edge * edge).map((_, i) =>
            i % 4 < 3 ? image[(i % 4) * edge ** 2 + (i >> 2)] : i >> 2 < fixture.insideRows * edge ? 255 : 0,
        );
        return {
            size: edge,
            pixels,
            matte: new Uint8ClampedArray(Bytes(photo.matte)),
            rotation: photo.R,
            translation: photo.t,
            focal: photo.focal,
            landmarks: new Float32Array(Bytes(photo.landmarks).buffer),
            ...PoseVerticesReference(model, pose),
            deltaMap: waves(fixture.delta),
        };
    });
    const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const settings = Object.fromEntries(Object.entries(fixture.settings).map(([name, value]) => [camel(name), value]));
    return {
        input: {
            table: { mapSize, texel, gaussianCount, corners, bary, weights, flags, regions, template, normals, shut },
            staticMap: Float32Array.from([...waves(fixture.static), ...rotations]),
            views,
            settings: settings as unknown as IRefineConstants,
        },
        truth: {
            photos: fixture.photos.map(({ seen, trust, smoothTrust, gain }) => ({
                seen: Shorts(seen).map((value) => fixture.mostSeen * value),
                trust: Shorts(trust),
                smoothTrust: Shorts(smoothTrust),
                gain,
            })),
            firstRound: Shorts(fixture.firstRound),
            lastRound: Shorts(fixture.lastRound),
            trust: Shorts(fixture.trust),
            color: Shorts(fixture.color),
        },
    };
}
