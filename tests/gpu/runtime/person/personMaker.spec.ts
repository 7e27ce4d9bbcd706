// A person without Babylon, a scene or a graphics card. ESLint sees to it that nothing here can import Babylon.
import { FlexAvatarError } from "../../../../src/flame/error";
import { ReadAvatarFile, WriteAvatarFile, type IAvatarFile } from "../../../../src/runtime/format/avatarFile";
import { PersonMaker } from "../../../../src/runtime/person/personMaker";

const Portrait = "/repo/samples/assets/astronaut.png";
const settings = { modelsUrl: "/repo/assets/models/", runtimeUrls: "/repo/node_modules/onnxruntime-web/dist/" };

describe("a person maker", () => {
    let maker: PersonMaker;
    let person: IAvatarFile;
    let plain: IAvatarFile;
    const stages: string[] = [];
    const notices: string[] = [];

    beforeAll(async () => {
        maker = await PersonMaker.CreateAsync({ ...settings, onNotice: ({ code }) => notices.push(code) });
        plain = await maker.makeAsync([Portrait], { name: "eileen", refine: false });
        person = await maker.makeAsync([Portrait], {
            refine: { rounds: 1, closeUp: false },
            onProgress: ({ stage }) => stages.at(-1) !== stage && stages.push(stage),
        });
    });

    afterAll(() => maker.dispose());

    it("makes what a file holds, the same of the same photo", () => {
        const { identityFeatures, identityShape, mapSize } = plain;
        expect(plain.name).toBe("eileen");
        expect(plain.staticMap.length).toBe(14 * mapSize ** 2);
        expect(plain.staticMap.every(Number.isFinite)).toBeTrue();
        expect(identityFeatures.length).toBe(identityShape.reduce((product, size) => product * size, 1));
        expect(plain.fit.photos.length).toBe(1);
        expect(plain.thumbnail?.slice(1, 4)).toEqual(new TextEncoder().encode("PNG"));
        expect([plain.detail, plain.page]).toEqual([undefined, undefined]);
        expect(person.staticMap).toEqual(plain.staticMap);
        expect(notices).toEqual([]);
    });

    it("adds the photo's detail, hair and bust, and tells how far it is", () => {
        expect(person.detail!.length).toBe(3 * person.mapSize ** 2);
        expect(person.detail!.some((value) => Math.abs(value) > 0.02)).toBeTrue();
        expect(person.page!.map.length).toBe(14 * person.page!.mapSize ** 2);
        expect(person.closeUp).toBeUndefined();
        for (const stage of ["finding the face", "fitting the head", "sharpening", "filling hair and bust"]) {
            expect(stages).toContain(stage);
        }
        const read = ReadAvatarFile(WriteAvatarFile(person));
        expect(read.headModel).toEqual(person.headModel);
        expect(read.page!.headModel).toEqual(person.page!.headModel);
    });

    it("refuses what no avatar is made of either", async () => {
        const codeOf = (work: Promise<unknown>): Promise<string> =>
            work.then(
                () => "no error",
                (error: unknown) => (error instanceof FlexAvatarError ? error.code : String(error)),
            );
        expect(await codeOf(maker.makeAsync(Array<string>(5).fill(Portrait)))).toBe("photo-count");
        expect(await codeOf(maker.makeAsync([Portrait], { refine: { rounds: 0 } }))).toBe("invalid-argument");
        expect(await codeOf(maker.makeAsync([Portrait], { signal: AbortSignal.abort() }))).toBe("aborted");
    });
});
