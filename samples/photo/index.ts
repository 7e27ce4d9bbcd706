/** Photo to avatar: one to four photos become an avatar, which gets sharper, with hair and shoulders. */
import { FlexAvatarComponent, type FlexAvatar, type PhotoSource } from "babylon-flexavatar";
import { AssetsUrl, EyeHeight, FlexAvatarUrl, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, panel }) => {
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    // fallbacks, and choices made for you
    component.onNoticeObservable.add(({ code, message }) => console.info(code, message));

    let avatar: FlexAvatar | null = null;
    let running = new AbortController();

    async function createAsync(photos: readonly PhotoSource[]): Promise<void> {
        running.abort(); // newer photos stop the work on older ones
        running = new AbortController();
        const { signal } = running;
        const made = await component.createFromPhotosAsync(photos, { signal, onProgress: panel.showProgress });
        avatar?.dispose();
        avatar = made;
        avatar.position.y = EyeHeight;
        avatar.detailStrength = Number(detail.value);
        panel.say(`${avatar.gaussianCount.toLocaleString("en")} Gaussians. The photo's own detail follows.`);
        avatar.onRefineProgressObservable.add(panel.showProgress);
        if (await avatar.whenRefinedAsync()) {
            panel.say(`${avatar.gaussianCount.toLocaleString("en")} Gaussians with hair and shoulders.`);
        }
    }

    panel.addFiles("Your photos, one to four", "image/*", createAsync);
    panel.addButton("The portrait again", () => createAsync([`${AssetsUrl}astronaut.png`]));
    const detail = panel.addSlider("The photo's own detail", [0, 1], 1, (value) => {
        avatar!.detailStrength = value; // 0 before refinement, 1 after
    });
    await createAsync([`${AssetsUrl}astronaut.png`]);
});
