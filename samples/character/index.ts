/** Head on a character: the rigged mesh keeps its body and its clips, the avatar's head takes the place of its own. */
import { Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { FlexAvatarComponent } from "babylon-flexavatar";
import { AddCharacterAsync, AddPersonAsync, AssetsUrl, FlexAvatarUrl, LoadClipAsync, ShowAsync } from "../shared/stage";

await ShowAsync(
    async ({ scene, camera, shadows, panel }) => {
        [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 + 0.35, 1.42, 1.6];
        camera.target.y = 1.45;
        const { meshes } = await AddCharacterAsync(scene);
        const character = meshes[0];
        const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
        const avatar = await AddPersonAsync(component, panel);

        // On the character's neck: its own head goes, and the new one follows the bone through the idle clip.
        const attach = () => avatar.attachToCharacter(character, "head");
        let tie = attach();

        // The head casts its shadow by its proxy mesh. Splats take shadows as a tint.
        for (const mesh of [...meshes, avatar.proxyMesh]) {
            shadows.addShadowCaster(mesh, false);
            mesh.receiveShadows = true;
        }
        avatar.splatMesh.receiveShadows = true;

        // It talks by a clip of its own, while the body idles.
        avatar.bindAnimationGroup(await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene)).start(true);

        // On top of the idle clip and after it: the character turns its head, and the neck of Gaussians twists along.
        const turn = panel.addSlider("Head turn, degrees", [-60, 60], 0, () => undefined);
        const bone = character.getChildTransformNodes().find(({ name }) => name === "head")!;
        scene.onAfterAnimationsObservable.add(() => {
            const radians = (Number(turn.value) * Math.PI) / 180;
            bone.rotationQuaternion!.multiplyInPlace(Quaternion.RotationAxis(Vector3.Up(), radians));
        });
        panel.addSlider("Feather of the neck, mm", [0, 40], 25, (value) => {
            tie.dispose();
            tie = avatar.attachToCharacter(character, "head", { feather: value / 1000 });
        });
        panel.addSwitch("Head of Gaussians", true, (on) => {
            avatar.setEnabled(on);
            tie.dispose(); // the character has its own head again
            if (on) {
                tie = attach();
            }
        });
        panel.addSwitch("Shadows", true, (on) => (shadows.getLight().shadowEnabled = on));
    },
    { withGround: true },
);
