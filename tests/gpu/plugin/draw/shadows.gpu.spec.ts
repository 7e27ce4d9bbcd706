// Shadows that avatars cast, by their proxy, and take.
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { CascadedShadowGenerator } from "@babylonjs/core/Lights/Shadows/cascadedShadowGenerator";
import { HemisphericLight } from "@babylonjs/core/Lights/hemisphericLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
import { Mesh } from "@babylonjs/core/Meshes/mesh";
import {
    AddAvatarAsync,
    CanvasPx,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    type IStage,
} from "../../../support/stage";

/** A white wall behind the avatar, lit from the camera's upper left by one light. */
function AddWall({ scene }: IStage): { wall: Mesh; light: DirectionalLight } {
    const wall = CreatePlane("wall", { size: 4 }, scene);
    const material = new StandardMaterial("wall", scene);
    material.diffuseColor = Color3.White();
    material.specularColor = Color3.Black();
    material.backFaceCulling = false;
    material.twoSidedLighting = true;
    wall.material = material;
    wall.position.z = -0.35;
    wall.receiveShadows = true;
    const light = new DirectionalLight("sun", new Vector3(-0.5, 0, -1), scene);
    light.position = new Vector3(0.4, 0, 0.8);
    light.intensity = 0.8;
    return { wall, light };
}

/** Pixels of the wall that the light does not reach, their mean column, and the picture. */
async function DarkAsync(stage: IStage): Promise<{ count: number; column: number; url: string }> {
    const url = await CaptureAsync(stage);
    const pixels = await PixelsAsync(url);
    let [count, sum] = [0, 0];
    for (let i = 0; i < CanvasPx * CanvasPx; i++) {
        if (pixels[4 * i] < 20) {
            count++;
            sum += i % CanvasPx;
        }
    }
    return { count, column: count ? sum / count : 0, url };
}

describe("shadows", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    it("are cast by the proxy, follow the head, and never hold garbage of the splats", async () => {
        stage = await CreateStageAsync();
        const { light } = AddWall(stage);
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        avatar.position.x = 0.06;
        avatar.splatMesh.isVisible = false; // the wall alone is looked at
        const bare = await DarkAsync(stage);
        expect(bare.count).toBe(0);
        const shadows = new ShadowGenerator(256, light);
        avatar.splatMesh.isVisible = true;
        shadows.addShadowCaster(avatar.splatMesh);
        const withSplats = await CaptureAsync(stage);
        shadows.setTransparencyShadow(true);
        // transparent casters asked for: still nothing of the splats
        expect((await CaptureAsync(stage)) === withSplats).toBeTrue();
        avatar.splatMesh.isVisible = false;
        expect((await DarkAsync(stage)).count).toBe(0);
        shadows.addShadowCaster(avatar.proxyMesh);
        const cast = await DarkAsync(stage);
        expect(cast.count).toBeGreaterThan(150);
        avatar.position.x = 0.12;
        const moved = await DarkAsync(stage);
        expect(Math.abs(moved.column - cast.column)).toBeGreaterThan(4);
        avatar.dispose();
        expect((await DarkAsync(stage)).count).toBe(0);
        expect(shadows.getShadowMap()!.renderList!.length).toBe(0);
        shadows.dispose();
    });

    it("are cast into cascades too", async () => {
        stage = await CreateStageAsync();
        const { light } = AddWall(stage);
        const avatar = await AddAvatarAsync(stage, MakeSynthetic());
        avatar.splatMesh.isVisible = false;
        const shadows = new CascadedShadowGenerator(256, light);
        shadows.numCascades = 2;
        shadows.shadowMaxZ = 3;
        shadows.addShadowCaster(avatar.proxyMesh);
        expect((await DarkAsync(stage)).count).toBeGreaterThan(150);
        shadows.dispose();
    });

    for (const percentageCloser of [false, true]) {
        it(`darken the splats behind a board, ${percentageCloser ? "from a depth texture" : "from a color texture"}, and only there`, async () => {
            stage = await CreateStageAsync();
            const { wall, light } = AddWall(stage);
            wall.setEnabled(false);
            light.direction.set(0, 0, -1);
            light.position.set(0, 0, 0.8);
            const sky = new HemisphericLight("sky", Vector3.Up(), stage.scene);
            sky.intensity = 0.8; // so the light's share is one half
            const synthetic = MakeSynthetic();
            const texels = synthetic.table.mapSize ** 2;
            synthetic.staticMap.fill(0, 0, 3 * texels);
            synthetic.staticMap.fill(8, 3 * texels, 4 * texels);
            synthetic.staticMap.fill(1, 4 * texels, 7 * texels);
            synthetic.staticMap.fill(Math.log(0.004), 7 * texels, 10 * texels);
            const avatar = await AddAvatarAsync(stage, synthetic);
            // A board between light and face that hides the head's upper half from the light; its own picture is off to
            // the side of the camera's near plane.
            const board = CreatePlane(
                "board",
                { width: 1, height: 0.5, sideOrientation: Mesh.DOUBLESIDE },
                stage.scene,
            );
            board.position.set(0, 0.25, 0.7);
            const shadows = new ShadowGenerator(256, light);
            shadows.usePercentageCloserFiltering = percentageCloser;
            shadows.addShadowCaster(board);
            shadows.addShadowCaster(avatar.proxyMesh);
            const meanOf = async (url: string, from: number, to: number): Promise<number> => {
                const pixels = await PixelsAsync(url);
                let sum = 0;
                for (let y = from; y < to; y++) {
                    for (let x = CanvasPx / 2 - 8; x < CanvasPx / 2 + 8; x++) {
                        sum += pixels[4 * (y * CanvasPx + x)] / (16 * (to - from));
                    }
                }
                return sum;
            };
            const middle = CanvasPx / 2;
            const bare = await CaptureAsync(stage);
            expect(await meanOf(bare, middle - 24, middle - 8)).toBeGreaterThan(245);
            avatar.splatMesh.receiveShadows = true;
            const shaded = await CaptureAsync(stage);
            const [above, below] = [
                await meanOf(shaded, middle - 24, middle - 8),
                await meanOf(shaded, middle + 8, middle + 24),
            ];
            // One half of the light, in an encoded target; and no shadow of the head on itself where the light meets
            // it.
            expect(above).toBeGreaterThan(255 * 0.5 ** (1 / 2.2) - 6);
            expect(above).toBeLessThan(255 * 0.5 ** (1 / 2.2) + 6);
            expect(below).toBeGreaterThan(245);
            avatar.splatMesh.receiveShadows = false;
            expect((await CaptureAsync(stage)) === bare).toBeTrue();
            shadows.dispose();
        });
    }
});
