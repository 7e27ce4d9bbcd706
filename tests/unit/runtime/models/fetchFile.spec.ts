import { FlexAvatarError } from "../../../../src/flame/error";
import { LoadVrmAnimationAsync } from "../../../../src/plugin/animation/vrmAnimation";
import { LoadFlameFaceMapAsync } from "../../../../src/plugin/files/loadFlame";
import { ReadBytesAsync } from "../../../../src/plugin/files/readBytes";
import { LoadFaceClipAsync } from "../../../../src/plugin/live/readFaceClip";

const Missing = "nothing/here.bin";
const Loaders: Readonly<Record<string, () => Promise<unknown>>> = {
    "an avatar": () => ReadBytesAsync(Missing, undefined),
    "a performance": () => LoadFaceClipAsync(Missing),
    "a VRM animation": () => LoadVrmAnimationAsync(Missing, null!),
    "a file of FLAME": () => LoadFlameFaceMapAsync(Missing),
};

describe("a file of the user at an address", () => {
    const broken = (): ReadableStream =>
        new ReadableStream({ start: (controller) => controller.error(new TypeError("network error")) });
    const Answers: Readonly<Record<string, [() => Response, RegExp]>> = {
        "the server answers 404": [() => new Response("", { status: 404 }), /answered 404/],
        "a page of HTML comes instead": [() => new Response("<!doctype html><html></html>"), /page of HTML/],
        "the connection breaks": [() => new Response(broken()), /connection broke/],
    };
    for (const [why, [answer, text]] of Object.entries(Answers)) {
        for (const [what, loadAsync] of Object.entries(Loaders)) {
            it(`is missing where ${why}: ${what}`, async () => {
                spyOn(globalThis, "fetch").and.callFake(async () => answer());
                const error = (await loadAsync().catch((caught: unknown) => caught)) as FlexAvatarError;
                expect(error).toBeInstanceOf(FlexAvatarError);
                expect(error.code).toBe("file-missing");
                expect(error.message).toMatch(text);
                expect(error.message).toContain(Missing);
                expect(error.advice).toMatch(/address/);
            });
        }
    }
});
