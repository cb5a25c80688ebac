// SPDX-FileCopyrightText: 2026 The Caravan authors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/page_list.h"

#include "ui/pages/chat/chat_page.h"
#include "ui/pages/data/data_page.h"
#include "ui/pages/models/models_page.h"
#include "ui/pages/routing/routing_page.h"
#include "ui/pages/runs/runs_page.h"
#include "ui/pages/settings/settings_page.h"
#include "ui/pages/tune/tune_page.h"
#include "ui/pages/upcycle/upcycle_page.h"

namespace caravan::ui {

std::vector<PageEntry> pageList() {
    return {
        {PageGroup::Prepare, makeModelsPage}, {PageGroup::Prepare, makeUpcyclePage},
        {PageGroup::Prepare, makeDataPage},   {PageGroup::Tune, makeTunePage},
        {PageGroup::Tune, makeRoutingPage},   {PageGroup::Use, makeChatPage},
        {PageGroup::Keep, makeRunsPage},      {PageGroup::Settings, makeSettingsPage},
    };
}

}  // namespace caravan::ui
