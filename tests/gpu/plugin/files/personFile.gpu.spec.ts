// A saved person in Babylon's own loader, splats in other formats, and what a file says about a person.
import "@babylonjs/core/Loading/loadingScreen";
import { LoadAssetContainerAsync } from "@babylonjs/core/Loading/sceneLoader";
import type { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh";
import "@babylonjs/loaders/glTF/2.0";
import "@babylonjs/loaders/SPLAT/splatFileLoader";
import { FlexAvatarError } from "../../../../src/flame/error";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { ReadAvatarFile } from "../../../../src/runtime/format/avatarFile";
import { SplatByteLength } from "../../../../src/runtime/format/splatFile";
import { AddAvatarAsync, CaptureAsync, CreateStageAsync, MakeSynthetic, type IStage } from "../../../support/stage";

const Floats = (bytes: ArrayBuffer, splat: number): Float32Array => new Float32Array(bytes, SplatByteLength * splat, 6);

describe("a person's file", () => {
    let stage: IStage;
    let avatar: FlexAvatar;

    beforeEach(async () => {
        stage = await CreateStageAsync({ rightHanded: true });
        avatar = await AddAvatarAsync(stage, MakeSynthetic());
        await CaptureAsync(stage);
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    async function SplatsOfAsync(bytes: ArrayBuffer, extension: string): Promise<GaussianSplattingMesh> {
        const container = await LoadAssetContainerAsync(new File([bytes], `person${extension}`), stage.scene, {
            pluginExtension: extension,
        });
        const mesh = container.meshes.find((one) => one.getClassName() === "GaussianSplattingMesh");
        return mesh as GaussianSplattingMesh;
    }

    it("is shown by Babylon's glTF loader as splats, fewer than the avatar has and in the same place", async () => {
        const mesh = await SplatsOfAsync(await avatar.saveAsync(), ".glb");
        expect(mesh.splatCount).toBeGreaterThan(avatar.gaussianCount / 8);
        expect(mesh.splatCount).toBeLessThan(avatar.gaussianCount / 2);
        const { minimum, maximum } = mesh.getBoundingInfo();
        const all = new Float32Array(await avatar.exportSplatsAsync("splat"));
        for (const [axis, key] of (["x", "y", "z"] as const).entries()) {
            const places = all.filter((_, i) => i % 8 === axis);
            expect(minimum[key]).toBeCloseTo(Math.min(...places), 1.5);
            expect(maximum[key]).toBeCloseTo(Math.max(...places), 1.5);
        }
    });

    it("is smaller without splats, and the same bytes twice", async () => {
        const [a, b, bare] = [
            await avatar.saveAsync(),
            await avatar.saveAsync(),
            await avatar.saveAsync({ splats: false }),
        ];
        expect(new Uint8Array(a)).toEqual(new Uint8Array(b));
        expect(bare.byteLength).toBeLessThan(a.byteLength - 48 * 100);
        expect(ReadAvatarFile(new Uint8Array(bare))).toEqual(ReadAvatarFile(new Uint8Array(a)));
    });

    it("says what it is told about the person, and refuses what is no text", async () => {
        const about = { license: "CC-BY-4.0", provenance: "A friend.", consent: "She said yes on 3 May 2026." };
        const file = ReadAvatarFile(new Uint8Array(await avatar.saveAsync(about)));
        expect(file).toEqual(jasmine.objectContaining(about));
        expect(avatar.description.license).not.toBe(about.license);
        await expectAsync(avatar.saveAsync({ license: 3 as unknown as string })).toBeRejectedWithError(
            FlexAvatarError,
            /license/,
        );
    });

    for (const format of ["ply", "splat", "glb"] as const) {
        it(`gives every splat of this pose as .${format}, which Babylon reads alike`, async () => {
            avatar.expression.getTrack("expression0").influence = 1;
            const wanted = await avatar.exportSplatsAsync("splat");
            const mesh = await SplatsOfAsync(await avatar.exportSplatsAsync(format), `.${format}`);
            const count = wanted.byteLength / SplatByteLength;
            expect(mesh.splatCount! - count)
                .withContext("Babylon fills up to a multiple of 16")
                .toBeGreaterThan(-1);
            expect(mesh.splatCount! - count).toBeLessThan(16);
            expect(count).toBeGreaterThan(avatar.gaussianCount / 2);
            avatar.expression.getTrack("expression0").influence = 0;
            const rest = await avatar.exportSplatsAsync("splat");
            const moved = Math.max(
                ...Array.from({ length: count }, (_, i) => Math.abs(Floats(rest, i)[1] - Floats(wanted, i)[1])),
            );
            expect(moved).withContext("the face moves").toBeGreaterThan(1e-4);
        });
    }

    it("refuses formats that there are not", async () => {
        await expectAsync(avatar.exportSplatsAsync("obj" as "ply")).toBeRejectedWithError(FlexAvatarError, /obj/);
    });
});
