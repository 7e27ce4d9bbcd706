// Order-independent transparency: Babylon peels transparent meshes in layers. Heads are drawn before them.
import "@babylonjs/core/Engines/AbstractEngine/abstractEngine.alpha";
import "@babylonjs/core/Rendering/depthPeelingSceneComponent";
import "@babylonjs/core/Rendering/prePassRendererSceneComponent";
import "@babylonjs/core/ShadersWGSL/oitFinal.fragment"; // Babylon 9.34 imports it in its index only
import { DepthPeelingRenderer } from "@babylonjs/core/Rendering/depthPeelingRenderer";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
import { AddBox, CanvasPx, ColorAt, PixelsAsync, RenderFrame, type IStage } from "../../support/stage";
import { ExpectAlike, ExpectColor, Lit, MakeSolid, PixelOf, ShootAsync, type Rgb } from "../../support/pictures";
import { ShareStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle: [number, number] = [CanvasPx / 2, CanvasPx / 2];

function AddGlass({ scene }: IStage, name: string, color: Color3, position: Vector3): void {
    const sheet = CreatePlane(name, { size: 0.06 }, scene);
    sheet.position.copyFrom(position);
    const material = new StandardMaterial(name, scene);
    Object.assign(material, { emissiveColor: color, disableLighting: true, backFaceCulling: false, alpha: 0.5 });
    sheet.material = material;
}

/** Babylon's peeling is ready only once it has been rendered. */
async function PeeledAsync(stage: IStage): Promise<Uint8ClampedArray> {
    for (let frame = 0; frame < 10; frame++) {
        RenderFrame(stage);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    RenderFrame(stage);
    const url = stage.canvas.toDataURL();
    return PixelsAsync(url);
}

describe("order-independent transparency with an avatar", () => {
    const stage = ShareStage(MakeSolid(avatarColor));

    it("draws the head whole, glass over it, and tells once that it does not peel it", async () => {
        const { scene } = stage;
        expect(DepthPeelingRenderer).toBeDefined();
        const near = new Vector3(0.02, 0.03, 0.2);
        const beside = new Vector3(0.19, 0, -0.2);
        const wall = new Vector3(-0.15, 0.05, -0.2);
        AddGlass(stage, "near", new Color3(0, 1, 0), near);
        AddGlass(stage, "beside", new Color3(0, 0, 1), beside);
        AddBox(scene, "wall", new Color3(0.4, 0.4, 0.4), 0.05, wall);
        const sorted = await ShootAsync(stage, 3);
        const codes: string[] = [];
        const observer = stage.component.onNoticeObservable.add(({ code }) => void codes.push(code));
        scene.useOrderIndependentTransparency = true;
        try {
            const peeled = await PeeledAsync(stage);
            expect(codes).toEqual(["transparency-peeled"]);
            stage.avatar.setEnabled(false);
            const empty = await PeeledAsync(stage);
            stage.avatar.setEnabled(true);
            const below: [number, number] = [Middle[0] + 4, Middle[1] + 20];
            ExpectColor(sorted, below, avatarColor, 2, "sorted");
            ExpectColor(peeled, below, avatarColor, 4, "the face");
            // Peeled glass is denser than its alpha here, with and without a head.
            const nearGlass = ColorAt(empty, ...PixelOf(stage, near));
            const density = nearGlass[1] / 255;
            expect(density).toBeGreaterThan(0.45);
            const mixed = avatarColor.map((value, channel) => (1 - density) * value + nearGlass[channel]);
            ExpectColor(peeled, PixelOf(stage, near), mixed as unknown as Rgb, 6, "through the glass before it");
            ExpectColor(peeled, PixelOf(stage, wall), [102, 102, 102], 4, "an opaque mesh");
            expect(ColorAt(empty, ...PixelOf(stage, beside))[2]).toBeGreaterThan(100);
            ExpectColor(
                peeled,
                PixelOf(stage, beside),
                ColorAt(empty, ...PixelOf(stage, beside)),
                4,
                "glass beside it",
            );
            const [head, headSorted] = [peeled, sorted].map((picture) =>
                picture.map((value, i) => (Lit(empty.subarray(i & ~3, (i & ~3) + 4)) ? 0 : value)),
            );
            ExpectAlike(head, headSorted, 12, 0.05, "the head where no glass is");
        } finally {
            observer.remove();
            scene.useOrderIndependentTransparency = false;
            scene.disablePrePassRenderer();
        }
        ExpectAlike(await ShootAsync(stage, 4), sorted, 0, 0, "sorted again");
    }, 40000);

    it("draws the head alone, without any glass", async () => {
        const { scene } = stage;
        const sorted = await ShootAsync(stage, 2);
        scene.useOrderIndependentTransparency = true;
        try {
            const peeled = await PeeledAsync(stage);
            expect(Lit(peeled)).toBeGreaterThan(1000);
            ExpectAlike(peeled, sorted, 12, 0.05);
        } finally {
            scene.useOrderIndependentTransparency = false;
            scene.disablePrePassRenderer();
        }
    });
});
