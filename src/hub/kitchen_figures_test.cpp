#include "hub/kitchen_figures.h"

#include <gtest/gtest.h>

#include "hub/metric_lines.h"

namespace spiderling {
namespace {

std::string status_of(std::size_t chefs, std::size_t handlers) {
  KitchenStatus status;
  for (std::size_t c = 0; c < chefs; ++c) {
    ChefReport& chef = status.chefs.emplace_back(ChefReport{fmt::format("c{}", c), false, {}});
    for (std::size_t h = 0; h < handlers; ++h) chef.handlers.push_back({fmt::format("h{}", h), {}});
  }
  return status.json();
}

TEST(KitchenFigures, AreThoseOfTheLatestStatus) {
  std::size_t held = 0;
  {
    KitchenFigures figures(held);
    ASSERT_TRUE(figures.take(status_of(3, 2)));
    EXPECT_EQ(held, 6u);
    ASSERT_TRUE(figures.take(status_of(1, 2)));
    EXPECT_EQ(held, 2u);
    EXPECT_EQ(figures.chefs().size(), 1u);
    EXPECT_FALSE(figures.take("{}"));
    EXPECT_EQ(figures.chefs().size(), 1u);
  }
  EXPECT_EQ(held, 0u);
}

TEST(KitchenFigures, OfAllKitchensHaveALimit) {
  std::size_t held = 0;
  std::vector<std::unique_ptr<KitchenFigures>> kitchens;
  const std::string status = status_of(32, 16);
  for (std::size_t i = 0; i < KitchenFigures::most_handlers / (32 * 16); ++i) {
    kitchens.push_back(std::make_unique<KitchenFigures>(held));
    ASSERT_TRUE(kitchens.back()->take(status));
  }
  KitchenFigures one_more(held);
  EXPECT_FALSE(one_more.take(status_of(1, 0)));
  EXPECT_TRUE(one_more.chefs().empty());
  EXPECT_TRUE(kitchens.back()->take(status));  // what it has is its own
  kitchens.pop_back();
  EXPECT_TRUE(one_more.take(status_of(1, 0)));
}

TEST(MetricLines, WhateverALabelIsItEndsNoLine) {
  std::string out;
  append_label(out, "k", "a\"b\\c\nd\te\x1b\xff");
  EXPECT_EQ(out, "k=\"a\\\"b\\\\c\\nd e?\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace spiderling
